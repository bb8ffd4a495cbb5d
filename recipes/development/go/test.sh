#!/bin/bash
# Formats, compiles and runs a program and its package, with a known result. Few packages: all are compiled here.
set -euo pipefail

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder" && rm -rf "$folder"' EXIT
export HOME=$folder GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=0
mkdir -p "$folder/squares/count"
cd "$folder/squares"
echo "module example.org/squares" >go.mod
cat >count/count.go <<'GO'
// Package count adds up numbers in parallel.
package count

// Squares returns the sum of the squares up to n.
func Squares(n int) (sum int) {
	results := make(chan int)
	for i := 1; i <= n; i++ {
		go func(i int) { results <- i * i }(i)
	}
	for i := 1; i <= n; i++ {
		sum += <-results
	}
	return sum
}
GO
cat >main.go <<'GO'
package main

import "example.org/squares/count"

func main() {
	println(count.Squares(100))
}
GO
[[ -z $(gofmt -l .) ]] || { echo "gofmt would change the program" >&2; exit 1; }
go build -o squares .
result=$(./squares 2>&1)
[[ $result == 338350 ]] || { echo "the program says $result, not 338350" >&2; exit 1; }
echo "go: $(go version)"
