# The engine's library is for x86-64 with glibc, and so is this image. Without it, vigie needs
# clickhouse.dsn.

FROM node:20.20-bookworm-slim AS packages
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=optional --ignore-scripts

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=packages /src/node_modules node_modules
ARG VERSION=dev
RUN touch node_modules/.package-lock.json \
    && scripts/assets.sh \
    && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o bin/ ./cmd/... \
    && mkdir -p /var/lib/vigie

FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=packages /src/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so /usr/local/lib/vigie/
COPY --from=build /src/bin/vigie /src/bin/vigie-engine /usr/local/bin/
COPY --from=build --chown=10001:10001 /var/lib/vigie /var/lib/vigie
USER 10001:10001
VOLUME /var/lib/vigie
ENV VIGIE_DATA=/var/lib/vigie \
    VIGIE_LISTEN_PEOPLE=0.0.0.0:8080 \
    VIGIE_LISTEN_MACHINES=0.0.0.0:8081 \
    VIGIE_LISTEN_SYSLOG_UDP=0.0.0.0:5514 \
    VIGIE_LISTEN_SYSLOG_TCP=0.0.0.0:5514
EXPOSE 8080 8081 5514 5514/udp
HEALTHCHECK --start-period=60s CMD ["vigie", "check", "--url", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["vigie"]
CMD ["serve"]
