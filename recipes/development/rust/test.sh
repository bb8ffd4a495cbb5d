#!/bin/bash
# Compiles, tests and runs a program and its library with Cargo, with a known result; lets Clippy and rustfmt look.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CARGO_HOME=$folder/cargo CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
mkdir -p "$folder/primes/src"
cd "$folder/primes"
cat >Cargo.toml <<'TOML'
[package]
name = "primes"
version = "0.1.0"
edition = "2024"
TOML
cat >src/lib.rs <<'RUST'
pub fn primes(end: usize) -> Vec<usize> {
    let mut sieve = vec![true; end];
    let mut found = Vec::new();
    for number in 2..end {
        if sieve[number] {
            found.push(number);
            for multiple in (number * number..end).step_by(number) {
                sieve[multiple] = false;
            }
        }
    }
    found
}

#[test]
fn the_first_primes() {
    assert_eq!(primes(12), [2, 3, 5, 7, 11]);
}
RUST
cat >src/main.rs <<'RUST'
fn main() {
    let worker = std::thread::spawn(|| primes::primes(10_000));
    let found = worker.join().unwrap();
    println!("{} {}", found.len(), found.iter().sum::<usize>());
}
RUST
cargo fmt --check
cargo clippy --quiet -- --deny warnings
cargo test --quiet --lib >"$folder/log" || { cat "$folder/log" >&2; exit 1; }
grep -q "1 passed" "$folder/log" || { cat "$folder/log" >&2; exit 1; }
result=$(cargo run --quiet)
# There are 1229 primes below 10000, and their sum is 5736396.
[[ $result == "1229 5736396" ]] || { echo "the program says $result" >&2; exit 1; }
echo "rust: $(rustc --version)"
