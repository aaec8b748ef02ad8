#!/bin/sh
# Prepares this checkout for `make demo` or `make test`:   sh tools/setup.sh demo|test
#
# System libraries first, then .venv, then the package with what it needs. What is already there is left alone, so a
# second run only looks. Settings, from the environment:
#   PYTHON              the Python that .venv is made with (default: the newest from 3.10 on that PATH has)
#   SKIP_SYSTEM_CHECK   1: do not look for system libraries
set -eu

oldest=310 # 3.10, as probe() prints it
cd "$(dirname "$0")/.."
here=$(pwd -P)

case "${1:-}" in
    demo) extras=demo ;;
    test) extras=demo,test ;;
    *)
        echo "setup: got '${1:-}', expected demo or test" >&2
        exit 2
        ;;
esac
mode=$1
sbin="$PATH:/usr/sbin:/sbin" # where ldconfig is; a user's PATH, and root's after su, may lack it

say() { echo "setup: $*"; }
stop() {
    echo "setup: $*" >&2
    exit 1
}

# --- Python -------------------------------------------------------------------------------------------------------

# Print "3.11.7 311 venv" for a Python that can make virtual environments, "3.11.7 311 bare" for one that cannot.
probe() {
    "$1" -c 'import sys
try:
    import ensurepip, venv
    able = "venv"
except ImportError:
    able = "bare"
v = sys.version_info
print("%d.%d.%d %d%02d %s" % (v[0], v[1], v[2], v[0], v[1], able))' 2>/dev/null
}

# Set python, version, able to the newest suitable Python; one that can make virtual environments is preferred.
# Without one, python is empty and tooold names the best that there is.
find_python() {
    python='' version='' able='' tooold=''
    for name in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3.10 python3}; do
        found=$(probe "$name") || continue
        # shellcheck disable=SC2086
        set -- $found
        if [ "$2" -lt "$oldest" ]; then
            tooold="$name is Python $1"
        elif [ "$3" = venv ]; then
            python=$name version=$1 able=$3
            return
        elif [ -z "$python" ]; then
            python=$name version=$1 able=$3
        fi
    done
}

# Set usable to .venv's Python version if it can be used as it is: it runs, it was made at this very place, and by the
# Python asked for; otherwise to nothing.
look_at_venv() {
    usable=''
    look_closer || usable=''
}

look_closer() {
    [ -x .venv/bin/python ] && grep -qF "$here/.venv" .venv/bin/activate 2>/dev/null || return 1
    found=$(probe .venv/bin/python) || return 1
    # shellcheck disable=SC2086
    set -- $found
    usable=$1
    [ "$2" -ge "$oldest" ] || return 1
    [ -z "${PYTHON:-}" ] && return 0
    asked=$(probe "$PYTHON") || return 1
    [ "${asked%% *}" = "$usable" ]
}

# --- System libraries ---------------------------------------------------------------------------------------------

windows='libGL.so.1=libgl1 libEGL.so.1=libegl1 libfontconfig.so.1=libfontconfig1 libX11.so.6=libx11-6
    libXcursor.so.1=libxcursor1 libXi.so.6=libxi6 libXinerama.so.1=libxinerama1 libXrandr.so.2=libxrandr2'
virtual='libGLX_mesa.so.0=libglx-mesa0 libEGL_mesa.so.0=libegl-mesa0'
programs='Xvfb=xvfb xauth=xauth'
drivers='xdotool=xdotool' # what the tests press keys with

# Set packages (Debian's names) and things (what is missing) to what this machine lacks.
find_missing() {
    packages='' things=''
    if [ "$(uname -s)" = Linux ] && [ "${SKIP_SYSTEM_CHECK:-}" != 1 ]; then
        libraries=$(PATH=$sbin ldconfig -p 2>/dev/null) || libraries=''
        wanted=$windows
        if [ "$mode" = test ] || [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
            wanted="$wanted $virtual"
            [ "$mode" = demo ] || programs="$programs $drivers"
            for pair in $programs; do
                command -v "${pair%%=*}" >/dev/null 2>&1 || miss "$pair"
            done
        fi
        for pair in $wanted; do
            case "$libraries" in
                *"${pair%%=*} "*) ;;
                *) miss "$pair" ;;
            esac
        done
    fi
    look_at_venv
    [ -z "$usable" ] || return 0
    find_python
    if [ "$able" = bare ]; then
        miss "the venv module of Python $version=python${version%.*}-venv"
    elif [ -n "$python" ]; then
        return 0
    elif [ -n "$tooold" ]; then
        stop "$tooold, but rtcog-gl needs 3.10 or newer: install one and run make PYTHON=/path/to/python3."
    elif [ -n "${PYTHON:-}" ]; then
        stop "PYTHON: $PYTHON does not run, expected Python 3.10 or newer."
    else
        miss 'Python 3.10 or newer=python3'
        packages="$packages python3-venv"
    fi
}

miss() {
    packages="$packages ${1##*=}"
    things="$things${things:+, }${1%%=*}"
}

# Run a command as root: as it is, or through a sudo that asks nothing.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

install_missing() {
    if ! command -v apt-get >/dev/null 2>&1; then
        stop "missing: $things. Install them with this system's package manager (Debian's names:$packages) and run" \
            "make again; SKIP_SYSTEM_CHECK=1 goes on without this check."
    fi
    if ! can_be_root; then
        echo "setup: missing: $things. This one command installs them; then run make again:" >&2
        line="apt-get update && apt-get install -y --no-install-recommends$packages"
        if command -v sudo >/dev/null 2>&1; then echo "    sudo sh -c '$line'" >&2; else echo "    su -c '$line'" >&2; fi
        exit 1
    fi
    say "installing with apt-get:$packages"
    # A machine in its first minute may be updating its own lists, which locks them.
    for pause in 10 20 0; do
        as_root apt-get update -qq </dev/null && break
        sleep "$pause"
    done
    # shellcheck disable=SC2086
    as_root env "PATH=$sbin" DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 $packages </dev/null ||
        stop "apt-get could not install$packages (missing: $things)."
    find_missing
    [ -z "$packages" ] || stop "still missing after apt-get install: $things."
}

# --- One after the other ------------------------------------------------------------------------------------------

find_missing
[ -z "$packages" ] || install_missing

if [ -z "$usable" ]; then
    say "making .venv with Python $version ($(command -v "$python"))"
    "$python" -m venv --clear .venv || stop "$python -m venv could not make .venv."
    usable=$version
fi

key="$(cksum <pyproject.toml) $usable"
stamp=.venv/.rtcog-gl-$mode
if [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
    say "installing rtcog-gl[$extras] and what it needs into .venv (a few minutes the first time)"
    .venv/bin/python -m pip install -q --no-input --disable-pip-version-check --root-user-action=ignore -e ".[$extras]" ||
        stop "pip could not install rtcog-gl[$extras]; its last lines above say why."
    echo "$key" >"$stamp"
    [ "$mode" = demo ] || echo "$key" >.venv/.rtcog-gl-demo
fi
