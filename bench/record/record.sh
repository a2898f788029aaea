#!/usr/bin/env bash
# Records one of the traces in bench/traces anew, with lavapipe on a display of its own:
#
#   bench/record/record.sh LAYER_FOLDER minetest|blender|warzone2100 OUTPUT
#
# LAYER_FOLDER is where the layer was built, such as build/release/bench/record. Debian packages: xvfb, xdotool,
# mesa-vulkan-drivers, libgl1-mesa-dri, and the program. Everything else (its settings, its worlds) lands in a temporary
# folder. What is recorded is never twice the same: programs have threads and look at the clock.
set -eu
[ $# = 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | head -n 8; exit 2; }
layer=$(realpath "$1")
program=$2
output=$(realpath "$3")
here=$(realpath "$(dirname "$0")")
home=$(mktemp -d)
chmod 700 "$home"
trap 'kill "${display_pid:-}" 2>/dev/null; rm -rf "$home"' EXIT

export HOME=$home XDG_RUNTIME_DIR=$home DISPLAY=:${BDA_RECORD_DISPLAY:-78} PATH=$PATH:/usr/games
Xvfb "$DISPLAY" -screen 0 1280x720x24 >/dev/null 2>&1 &
display_pid=$!
sleep 2

record() { # SECONDS EVENTS COMMAND...
    local seconds=$1 events=$2
    shift 2
    env VK_LAYER_PATH="$layer" VK_INSTANCE_LAYERS=VK_LAYER_BDA_record BDA_RECORD_MEMORY=discrete \
        BDA_RECORD_FILE="$output" BDA_RECORD_EVENTS="$events" timeout -k 30 "$seconds" "$@" || [ $? = 124 ]
}

# OpenGL becomes Vulkan in Mesa's zink, which makes a VkBuffer for every buffer object.
over_zink=(env MESA_LOADER_DRIVER_OVERRIDE=zink LIBGL_ALWAYS_SOFTWARE=1)

case $program in
minetest)
    mkdir -p "$home/world"
    printf '%s\n' 'gameid = minetest' 'backend = sqlite3' 'player_backend = sqlite3' 'auth_backend = sqlite3' \
        'mod_storage_backend = sqlite3' 'creative_mode = true' 'enable_damage = false' >"$home/world/world.mt"
    printf '%s\n' 'name = singleplayer' 'fixed_map_seed = 42' 'screen_w = 640' 'screen_h = 360' 'viewing_range = 120' \
        'enable_sound = false' 'pause_on_lost_focus = false' 'default_privs = interact, shout, fly, fast, noclip' \
        'creative_mode = true' 'free_move = true' 'noclip = true' 'fast_move = true' 'always_fly_fast = true' \
        'movement_speed_fast = 8' 'continuous_forward = true' >"$home/settings"
    # Somebody flies up a little, then straight ahead through the hills, so that the world is made, shown and forgotten.
    (sleep 15 && xdotool keydown space && sleep 6 && xdotool keyup space keydown w) &
    record 100 24000 "${over_zink[@]}" minetest --go --gameid minetest --world "$home/world" --config "$home/settings"
    ;;
blender)
    record 240 24000 "${over_zink[@]}" blender --factory-startup -p 0 0 800 600 --python "$here/blender_session.py"
    ;;
warzone2100)
    # Its own Vulkan renderer. There is no skirmish of that name, so computers play its default one (the map "Rush"); in
    # the end the program is asked to quit, and cleans up.
    record 150 24000 warzone2100 --gfxbackend=vulkan --window --resolution=640x480 --nosound --autogame --skirmish=none
    ;;
*)
    echo "unknown program: $program" >&2
    exit 2
    ;;
esac
printf '%s: %s events\n' "$output" "$(grep -c '^[af] ' "$output")"
