"""Makes tests/data/parquet with pyarrow (python3 tests/data/make_parquet.py): the same rows in several encodings, and
beside them as JSON Lines, which the reader must give the same text as."""
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

folder = pathlib.Path(__file__).parent / "parquet"
folder.mkdir(exist_ok=True)
rows = []
for i in range(23):
    rows.append({
        "id": f"row{i}",
        "problem": f'What is "{i}"\n+ é {i}?' * (i % 3 + 1),
        "answer": None if i % 7 == 3 else str(i * i),
        "level": i % 5 - 2,
        "big": 2**53 + i,
        "score": i / 8 if i % 4 else None,
        "small": round(0.1 * i, 1),
        "valid": i % 2 == 0,
        "tags": None if i == 5 else [f"t{k}" for k in range(i % 4)],
        "grid": [[i, i + 1], [], [i]],
        "meta": {"source": "web" if i % 2 else "book", "pages": [i], "note": None},
        "kind": ["easy", "hard"][i % 2],
    })
schema = pa.schema([
    ("id", pa.string()), ("problem", pa.large_string()), ("answer", pa.string()), ("level", pa.int8()),
    ("big", pa.int64()), ("score", pa.float64()), ("small", pa.float32()), ("valid", pa.bool_()),
    ("tags", pa.list_(pa.string())), ("grid", pa.list_(pa.list_(pa.int32()))),
    ("meta", pa.struct([("source", pa.string()), ("pages", pa.list_(pa.int64())), ("note", pa.string())])),
    ("kind", pa.dictionary(pa.int32(), pa.string())),
])
table = pa.Table.from_pylist(rows, schema=schema)
pq.write_table(table, folder / "plain.parquet", compression="none", use_dictionary=False)
pq.write_table(table, folder / "groups_snappy.parquet", compression="snappy", row_group_size=5)
pq.write_table(table, folder / "dictionary_zstd.parquet", compression="zstd", data_page_version="2.0")
pq.write_table(table, folder / "gzip_no_schema.parquet", compression="gzip", store_schema=False, row_group_size=10)

with open(folder / "rows.jsonl", "w") as out:
    for row in rows:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
