const assert = require("node:assert");
const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");

const folder = process.argv[2];
const modules = "/usr/local/lib/code-server/lib/vscode/node_modules";
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function addOns() {
    const sqlite = require(`${modules}/@vscode/sqlite3`);
    const database = new sqlite.Database(":memory:");
    const row = await new Promise((done, fail) =>
        database.get("select 6 * 7 as answer", (error, found) => (error ? fail(error) : done(found))),
    );
    assert.strictEqual(row.answer, 42);
    database.close();

    const { createRotatingLogger } = require(`${modules}/@vscode/spdlog`);
    const log = path.join(folder, "spdlog.txt");
    const logger = await createRotatingLogger("test", log, 1000, 1);
    logger.info("six times seven");
    logger.flush();
    assert.match(fs.readFileSync(log, "utf8"), /six times seven/);
    assert.strictEqual(typeof require(`${modules}/@vscode/native-watchdog`).start, "function");

    const terminal = require(`${modules}/node-pty`).spawn("/bin/sh", ["-c", "echo $((6 * 7)); test -t 0"], { cols: 80 });
    let said = "";
    terminal.onData((data) => (said += data));
    const { exitCode } = await new Promise((done) => terminal.onExit(done));
    assert.deepStrictEqual([said.trim(), exitCode], ["42", 0]);

    fs.writeFileSync(path.join(folder, "haystack"), "hay\nneedle\nhay\n");
    const cpu = { x64: "linux-x64", arm64: "linux-arm64" }[process.arch];
    const search = spawnSync(`${modules}/@vscode/ripgrep-universal/bin/${cpu}/rg`, ["-n", "need", path.join(folder, "haystack")]);
    assert.strictEqual(String(search.stdout).trim(), "2:needle");
}

function start(environment, ...more) {
    const settings = { ...process.env, PASSWORD: "", PASSWORD_FILE: "", HASHED_PASSWORD: "", ...environment };
    return spawn("start-code-server", more, { env: settings, stdio: ["ignore", "pipe", "pipe"] });
}

async function refused(environment, why) {
    const child = start(environment);
    let said = "";
    child.stderr.on("data", (data) => (said += data));
    const code = await new Promise((done) => child.on("close", done));
    assert.strictEqual(code, 1, `it started, or failed otherwise: ${said}`);
    assert.match(said, why);
}

async function service() {
    const file = path.join(folder, "password");
    fs.writeFileSync(file, "short\n");
    await refused({}, /there is no password/);
    await refused({ PASSWORD_FILE: file }, /shorter than 8/);
    await refused({ PASSWORD: "correct horse battery" }, /PASSWORD would stand readable/);
    await refused({ HASHED_PASSWORD: "no hash" }, /there is no password/);
    fs.writeFileSync(file, "correct horse battery\n");

    const probe = net.createServer().listen(0, "127.0.0.1");
    await new Promise((done) => probe.on("listening", done));
    const port = probe.address().port;
    await new Promise((done) => probe.close(done));
    const url = `http://127.0.0.1:${port}`;
    const places = ["--config", `${folder}/config.yaml`, "--user-data-dir", `${folder}/data`];
    const child = start({ PASSWORD_FILE: file }, "--bind-addr", `127.0.0.1:${port}`, ...places, "--auth", "none");
    let log = "";
    for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (data) => (log += data));
    }
    const ended = new Promise((done) => child.on("close", done));
    try {
        for (let attempt = 0; ; attempt++) {
            try {
                assert.strictEqual((await fetch(`${url}/healthz`)).status, 200);
                break;
            } catch (error) {
                assert.ok(attempt < 200 && child.exitCode === null, `${error}: ${log}`);
                await wait(500);
            }
        }
        const outside = await fetch(url, { redirect: "manual" });
        assert.strictEqual(outside.status, 302, "it is open without a password");
        assert.match(outside.headers.get("location"), /login/);

        const logIn = (password) =>
            fetch(`${url}/login`, { method: "POST", redirect: "manual", body: new URLSearchParams({ password }) });
        const wrong = await logIn("wrong horse battery");
        assert.strictEqual(wrong.headers.getSetCookie().length, 0, "a wrong password is taken");
        const right = await logIn("correct horse battery");
        assert.strictEqual(right.status, 302, await right.text());
        const headers = { cookie: right.headers.getSetCookie()[0].split(";")[0] };

        const page = await fetch(`${url}/?folder=${folder}`, { headers });
        assert.strictEqual(page.status, 200);
        assert.match(await page.text(), /vscode-workbench-web-configuration/);
    } catch (error) {
        throw new Error(log, { cause: error });
    } finally {
        child.kill();
        await ended;
    }
}

addOns()
    .then(service)
    .then(() => {
        const version = String(spawnSync("code-server", ["--version"]).stdout).split("\n").filter(Boolean).pop();
        console.log(`code-server: ${version}`);
        process.exit(0);
    })
    .catch((error) => {
        console.error(error);
        process.exit(1);
    });
