test "$ACCEL_LANES" -ge 4
