tar -xf driver-*.tar.gz
make install DESTDIR="$OUT" ARCHITECTURES="$CUDA_ARCHITECTURES"
