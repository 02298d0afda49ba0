# docker build -t qreason . && docker run -it qreason make demo
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends git bash make python3 ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /qreason
COPY . .
RUN make build
ENV PATH="/qreason/build:${PATH}"
CMD ["qreason", "--help"]
