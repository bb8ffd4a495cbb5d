test -s testdata/one.txt
