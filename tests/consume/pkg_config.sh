#!/bin/sh
# A bare compiler call with pkg-config's flags: pkg_config.sh PREFIX LIBDIR COMPILER shared|static
set -eu
prefix=$1 libdir=$2 compiler=$3 kind=$4
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig
export PKG_CONFIG_PATH
test -f "$(pkg-config --variable=includedir bdaalloc)/bdaalloc/bdaalloc.glsl" # the shaders' header came along
# Word splitting is what flags are made for.
# shellcheck disable=SC2046
if [ "$kind" = shared ]; then
    "$compiler" "$here/consumer.c" -o "$work/consumer" $(pkg-config --cflags --libs bdaalloc)
else # -static would want a static C library, too: name the archive
    "$compiler" "$here/consumer.c" -o "$work/consumer" \
        $(pkg-config --static --cflags --libs bdaalloc | sed 's/-lbdaalloc/-l:libbdaalloc.a/')
fi
LD_LIBRARY_PATH=$prefix/$libdir "$work/consumer"
