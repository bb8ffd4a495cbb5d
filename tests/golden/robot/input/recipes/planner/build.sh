$CC $OPTIMISE -o $OUT/bin/planner main.c -lz
