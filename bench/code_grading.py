#!/usr/bin/env python3
"""Grades LiveCodeBench's solutions by their public tests with `qreason grade`, and beside it the plain serial way.

usage: bench/code_grading.py ROWS.jsonl SOLUTIONS.jsonl [build/qreason]

ROWS has LiveCodeBench's columns (private_test_cases may be absent), SOLUTIONS task_id, solution and passing_public_tests; those
that pass count. The plain way starts one python3 a test, in order, with the same imports before the program, and compares
nothing. It has no limits and no isolation: run trusted solutions only.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

IMPORTS = '\n'.join(f'from {name} import *\nimport {name}' for name in (
    'string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json '
    'builtins typing').split()) + '\nsys.setrecursionlimit(50000)\n'


def pairs(rows_file, solutions_file):
    rows = {row['question_id']: row for row in map(json.loads, open(rows_file))}
    for line in open(solutions_file):
        solution = json.loads(line)
        if solution['passing_public_tests'] and solution['task_id'] in rows:
            yield rows[solution['task_id']], solution['solution']


def by_qreason(chosen, qreason):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with open(folder / 'rows.jsonl', 'w') as file:
            for row, _ in chosen:
                file.write(json.dumps({'private_test_cases': '[]', **row}) + '\n')
        header = {'qreason_results': 1, 'task': 'LiveCodeBench',
                  'dataset': {'name': 'LiveCodeBench', 'count': len(chosen), 'limit': None, 'sha256': ''}, 'model': 'm',
                  'method': 'bf16', 'seed': 42, 'samples': 1, 'provenance': {}}
        with open(folder / 'answers.jsonl', 'w') as file:
            file.write(json.dumps(header) + '\n')
            for row, code in chosen:
                file.write(json.dumps({
                    'id': row['question_id'], 'seed': 42, 'sample': 0, 'prompt_tokens': 1, 'output_tokens': 1,
                    'finish_reason': 'stop', 'full_prompt': '', 'text': f'```python\n{code}\n```', 'extracted': '',
                    'gold': '', 'grade': 0, 'timing': {'seconds': 0}}) + '\n')
        begin = time.time()
        done = subprocess.run([qreason, 'grade', '--json', folder / 'answers.jsonl', '--data',
                               f'LiveCodeBench={folder}/rows.jsonl'], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return time.time() - begin, json.loads(done.stdout)['files'][0]['grades']


def serially(chosen):
    begin, tests = time.time(), 0
    for row, code in chosen:
        name = json.loads(row['metadata']).get('func_name')
        if name:
            code += f'\nimport json, sys\nSolution().{name}(*map(json.loads, sys.stdin.read().split(chr(10))))\n'
        for test in json.loads(row['public_test_cases']):
            subprocess.run(['python3', '-c', IMPORTS + code], input=test['input'], capture_output=True, text=True)
            tests += 1
    return time.time() - begin, tests


def main():
    chosen = list(pairs(sys.argv[1], sys.argv[2]))
    ours, grades = by_qreason(chosen, sys.argv[3] if len(sys.argv) > 3 else 'build/qreason')
    plain, tests = serially(chosen)
    print(f'{len(chosen)} solutions, {tests} tests: qreason {ours:.2f} s ({sum(grades)} right), '
          f'one python3 a test {plain:.2f} s, {plain / ours:.1f} times')
    print('not right:', [row['question_id'] for (row, _), grade in zip(chosen, grades) if not grade])


if __name__ == '__main__':
    main()
