#!/bin/bash
# Computes with JavaScript, WebAssembly and OpenSSL, asks a server of its own, and lets npm pack and install a package.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME=$folder npm_config_cache=$folder/cache npm_config_offline=true npm_config_audit=false npm_config_fund=false

cat >"$folder/test.js" <<'JS'
const assert = require("node:assert");
const { createHash } = require("node:crypto");
const http = require("node:http");
const zlib = require("node:zlib");

assert.strictEqual(2n ** 89n - 1n, 618970019642690137449562111n);
const digest = createHash("sha256").update("abc").digest("hex");
assert.strictEqual(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
assert.strictEqual(zlib.inflateSync(zlib.deflateSync("a".repeat(1000))).length, 1000);

// (func (export "mul") (param i32 i32) (result i32) local.get 0 local.get 1 i32.mul)
const code = "0061736d0100000001070160027f7f017f030201000707010" + "36d756c00000a09010700200020016c0b";
const { mul } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(code, "hex"))).exports;
assert.strictEqual(mul(6, 7), 42);

const server = http.createServer((request, answer) => answer.end(String(request.url.length * 6)));
server.listen(0, "127.0.0.1", () => {
    http.get({ port: server.address().port, path: "/seven!" }, (answer) => {
        answer.on("data", (data) => assert.strictEqual(String(data), "42"));
        answer.on("end", () => server.close());
    });
});
JS
node "$folder/test.js"
# The headers are of the same version.
headers=$(dirname "$(dirname "$(command -v node)")")/include/node
version=v$(awk '/^#define NODE_(MAJOR|MINOR|PATCH)_VERSION / { printf "%s%s", dot, $3; dot = "." }' "$headers/node_version.h")
[[ $version == "$(node --version)" ]] || { echo "the headers are of $version" >&2; exit 1; }

mkdir -p "$folder/times" "$folder/user"
echo '{"name": "times", "version": "1.0.0", "license": "MIT"}' >"$folder/times/package.json"
echo 'module.exports = (a, b) => a * b;' >"$folder/times/index.js"
cd "$folder/times"
npm pack --silent --pack-destination "$folder/user" >/dev/null
cd "$folder/user"
echo '{"name": "user", "version": "1.0.0", "private": true, "scripts": {"ask": "node ask.js"}}' >package.json
echo 'console.log(require("times")(6, 7));' >ask.js
npm install --silent ./times-1.0.0.tgz
result=$(npm run --silent ask)
[[ $result == 42 ]] || { echo "the installed package says $result, not 42" >&2; exit 1; }
echo "nodejs: $(node --version), npm $(npm --version)"
