# shellcheck shell=bash disable=SC2034
# Shared by the scripts beside it; source it, do not run it. Bash.
#
#   step TEXT                    begins a numbered step
#   note TEXT / stop TEXT        says something / says it and gives up
#   quietly NAME COMMAND...      runs with the output in $logs/NAME.log, shown when the command fails
#   need PACKAGE...              installs what is missing of these Debian packages (or says what is missing)
#   configure PRESET [-D...]     runs CMake's preset, quietly;  build PRESET builds it
#   use_lavapipe25               unpacks a newer lavapipe beside the system's; true if it is there afterwards
#   gpu_present                  true where the machine has a GPU
#
# Everything that is made lands in build/ of the repository: `rm -r build` undoes it all but the installed packages.

set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
step_number=0
install_packages=${install_packages:-yes}
mkdir -p "$logs"
cd "$root" || exit 1

step() {
    step_number=$((step_number + 1))
    printf '[%d] %s (after %d s)\n' "$step_number" "$*" "$SECONDS"
}

note() {
    printf '    %s\n' "$*"
}

stop() {
    printf '\nFAILED: %s\n' "$*" >&2
    exit 1
}

quietly() {
    local log=$logs/${1//[^A-Za-z0-9]/-}.log
    shift
    if "$@" >"$log" 2>&1 </dev/null; then
        return 0
    fi
    printf -- '---- %s\n' "$*"
    grep -vE '^\[[0-9]+/[0-9]+\] [A-Z][a-z]+ing ' "$log" | tail -n 60 # without ninja's list of what went well
    printf -- '---- the whole log: %s\n' "${log#"$root"/}"
    return 1
}

# ---- Packages -----------------------------------------------------------------------------------------------------

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

need() {
    local package missing=()
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        need_elsewhere "$@"
        return
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        note "all $# packages are there"
        return
    fi
    if [ "$install_packages" != yes ]; then
        note "not installed, as you wish (CMake will say if something is really missing): ${missing[*]}"
        return
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        stop "missing packages, and neither root nor sudo to install them. As root: apt-get install ${missing[*]}"
    fi
    if [ "$(id -u)" != 0 ]; then
        sudo -v || stop "sudo was refused. As root: apt-get install ${missing[*]}"
    fi
    note "installing: ${missing[*]}"
    quietly apt-update as_root apt-get -q update || stop "apt-get update did not work"
    quietly apt-install as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install "${missing[@]}" || stop "apt-get install did not work"
}

# Package names differ from system to system, so only Debian's are installed; elsewhere the tools speak for themselves.
need_elsewhere() {
    local tool missing=()
    for tool in cmake ninja cc glslangValidator; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    if [ ${#missing[@]} != 0 ]; then
        stop "this is no Debian or Ubuntu, so nothing is installed by itself. Not found: ${missing[*]}.
Needed, by their Debian names: $*"
    fi
    note "no Debian or Ubuntu: taking the tools as they are (needed, by their Debian names: $*)"
}

# What each task takes, by Debian's names.
packages_build=(cmake ninja-build gcc libc6-dev libvulkan-dev libvulkan-volk-dev glslang-tools)
packages_driver=(mesa-vulkan-drivers) # AMD, Intel and lavapipe; NVIDIA's driver comes from elsewhere
packages_test=(g++ libassimp-dev libcmocka-dev libpng-dev pkg-config python3 spirv-tools vulkan-validationlayers)
packages_checks=(clang clang-format clang-tidy gcc-mingw-w64-x86-64 gcc-mingw-w64-i686 libmimalloc-dev libsdl2-dev valgrind)
packages_coverage=(gcovr)
packages_page=(chromium fonts-dejavu-core python3-jsonschema) # bda_view's page, looked at in a browser
command -v node >/dev/null || packages_page+=(nodejs)
command -v npm >/dev/null || packages_page+=(npm)

# ---- Building -----------------------------------------------------------------------------------------------------

configure() { # PRESET [-D...]
    local preset=$1
    shift
    quietly "configure-$preset" cmake --preset "$preset" "$@"
}

build() { # PRESET
    quietly "build-$1" cmake --build --preset "$1"
}

# ---- Drivers ------------------------------------------------------------------------------------------------------

nvidia_present() {
    compgen -G '/dev/nvidia[0-9]*' >/dev/null
}

gpu_present() { # NVIDIA's device nodes, a render node of another kernel driver, or a GPU lent by Windows
    nvidia_present || compgen -G '/dev/dri/renderD*' >/dev/null || [ -e /dev/dxg ]
}

# Debian 12 has lavapipe 22, its backports a 25. They cannot be installed side by side, but unpacked into a folder the
# newer one serves whoever names it. The list of sources is the machine's own with the suite replaced, and apt's state
# stays in build/ too, so the machine's apt is left as it is.
use_lavapipe25() {
    local into=${BDA_LAVAPIPE25:-$root/build/lavapipe25}
    [ -f "$into/lvp_icd.json" ] && return 0
    if ! command -v apt-get >/dev/null || ! grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
        note "lavapipe 25: only known how to be had on Debian 12"
        return 1
    fi
    if [ "$install_packages" != yes ]; then
        note "lavapipe 25: not fetched, --no-install was given"
        return 1
    fi
    quietly lavapipe25 unpack_lavapipe25 "$into" || {
        note "lavapipe 25: the backports could not be reached"
        return 1
    }
}

unpack_lavapipe25() {
    local into=$1 work=$1.part library
    rm -rf "$work" && mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/deb" || return
    backports_sources >"$work/apt/backports.sources"
    [ -s "$work/apt/backports.sources" ] || return
    local apt=(apt-get -q
        -o Dir::Etc::sourcelist="$work/apt/backports.sources" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)")
    "${apt[@]}" -o APT::Update::Error-Mode=any update || return
    (cd "$work/deb" && "${apt[@]}" -t bookworm-backports download mesa-vulkan-drivers libdrm2 libdrm-amdgpu1 libdrm-common) || return
    for deb in "$work"/deb/*.deb; do
        dpkg -x "$deb" "$work" || return
    done
    rm -rf "$work/apt" "$work/deb" "$into" && mv "$work" "$into" || return
    # The package's own manifest points into /usr; this one is relative to itself.
    library=$(cd "$into" && ls usr/lib/*/libvulkan_lvp.so) || return
    printf '{ "file_format_version": "1.0.0", "ICD": { "library_path": "%s", "api_version": "1.4.305" } }\n' \
        "./$library" >"$into/lvp_icd.json"
}

# The entries of the main archive, in either of apt's two formats, with the suite replaced by its backports. Only the
# deb822 form is printed: one file cannot hold both.
backports_sources() {
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | grep -v '^#' |
        awk 'BEGIN { RS = ""; ORS = "\n\n" } /(^|\n)Suites:([^\n]* )?bookworm( |\n|$)/' |
        sed 's/^Suites:.*/Suites: bookworm-backports/; s/^Components:.*/Components: main/'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n -E 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+bookworm[[:space:]].*/Types: deb\nURIs: \2\nSuites: bookworm-backports\nComponents: main\n/p'
}
