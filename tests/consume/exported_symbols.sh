#!/bin/sh
# Only bda_* may be seen from outside: exported_symbols.sh NM LIBRARY HEADER...
# All that the headers declare must be: a function without BDA_API would be missed by the first program that links.
# And nothing of Vulkan may be wanted: the library links no loader, every function comes from the caller.
set -eu
nm=$1 library=$2
shift 2

exported=$("$nm" --dynamic --defined-only --format=posix "$library" | cut -d' ' -f1 | sort)
strangers=$(printf '%s\n' "$exported" | grep -v '^bda_' || true)
if [ -n "$strangers" ]; then
    printf 'exported, and not bda_*:\n%s\n' "$strangers"
    exit 1
fi

declared=$(grep -oh '^BDA_API [A-Za-z0-9_ ]* [*]*bda_[a-z_]*' "$@" | sed 's/.*[ *]//' | sort)
if [ "$declared" != "$exported" ]; then
    printf 'declared:\n%s\nexported:\n%s\n' "$declared" "$exported"
    exit 1
fi
wanted=$("$nm" --dynamic --undefined-only --format=posix "$library" | cut -d' ' -f1 | grep '^vk' || true)
if [ -n "$wanted" ]; then
    printf 'called directly, and not through the dispatch table:\n%s\n' "$wanted"
    exit 1
fi
printf '%s functions exported\n' "$(printf '%s\n' "$exported" | wc -l)"
