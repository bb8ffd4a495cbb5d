#!/bin/bash
# Computes a rate from given samples; then lets the server ask itself, and asks what it found.
set -euo pipefail

folder=$(mktemp -d)
cd "$folder"
cat >rules.yml <<'RULES'
groups:
  - name: test
    rules:
      - record: "pictures:rate5m"
        expr: sum(rate(pictures_total[5m]))
RULES
cat >tests.yml <<'TESTS'
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'pictures_total{camera="a"}', values: "0+60x10"}
      - {series: 'pictures_total{camera="b"}', values: "0+120x10"}
    promql_expr_test:
      - {expr: "pictures:rate5m", eval_time: 10m, exp_samples: [{labels: "pictures:rate5m", value: 3}]}
TESTS
promtool check config /usr/local/etc/prometheus/prometheus.yml
promtool test rules tests.yml

port=21909
cat >prometheus.yml <<CONF
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: itself, static_configs: [{targets: ["127.0.0.1:$port"]}]}
CONF
prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$port" >log 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in {1..150}; do
    said=$(promtool query instant "http://127.0.0.1:$port" 'up{job="itself"} + 41' 2>/dev/null || true)
    if [[ $said == *"=> 42 @"* ]]; then
        break
    fi
    kill -0 "$server" 2>/dev/null || { cat log >&2; exit 1; }
    sleep 0.2
done
[[ $said == *"=> 42 @"* ]] || { echo "it says: $said" >&2; tail -n 20 log >&2; exit 1; }
prometheus --version 2>&1 | head -n 1
