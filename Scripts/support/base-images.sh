# Sourced by check-image and check-fresh: Debian base images made on this machine, without an image registry.
#
# Sets $base-run (Debian alone) and $base-build (with what a Swift toolchain needs), the function buildah, and the array
# $volumes: the machine's own toolchain and the way its apt, git and pip reach their servers, to be mounted read-only. $scratch is a
# folder that goes away at the end.

for tool in buildah debootstrap swift apt-get; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is needed (on Debian: sudo apt-get install --no-install-recommends buildah debootstrap crun)." >&2
        exit 1
    fi
done
if [[ "$(id -u)" != 0 ]]; then
    echo "Making the base image takes root: run it with sudo." >&2
    exit 1
fi

base=localhost/apus-check-base
scratch=$(mktemp -d)
buildah() { command buildah --storage-driver vfs --root "$store" --runroot "$scratch/run" "$@"; }
# The store outlives this run, so that the base image is made only once. A clean one: remove the folder.
store=${APUS_IMAGE_STORE:-${XDG_CACHE_HOME:-$HOME/.cache}/apus-image-check}
mkdir -p "$store"
trap 'buildah rm --all >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT

release=bookworm
toolchain=$(dirname "$(dirname "$(realpath "$(command -v swift)")")")

# What the build borrows from this machine: the toolchain, and how apt and git reach their servers (a git configuration may
# point at folders of package mirrors, which are then needed as well).
volumes=(--volume "$toolchain:$toolchain:ro" --volume /etc/apt:/etc/apt:ro --volume /usr/share/keyrings:/usr/share/keyrings:ro)
if [[ -f /etc/gitconfig ]]; then volumes+=(--volume /etc/gitconfig:/etc/gitconfig:ro); fi
while read -r mirror; do
    if [[ -d "$mirror" ]]; then volumes+=(--volume "$mirror:$mirror:ro"); fi
done < <(git config --system --name-only --get-regexp '^url\..*\.insteadof$' | sed -E 's/^url\.(.*)\.insteadof$/\1/' | sort -u)

# pip's own settings, and the folders of wheels that they may name.
if [[ -f /etc/pip.conf ]]; then
    volumes+=(--volume /etc/pip.conf:/etc/pip.conf:ro)
    while read -r folder; do
        if [[ -d "$folder" ]]; then volumes+=(--volume "$folder:$folder:ro"); fi
    done < <(sed -nE 's/^find-links *= *//p' /etc/pip.conf)
fi

if ! buildah inspect --type image "$base-build" >/dev/null 2>&1; then
    echo "Making the base images from Debian packages ..."
    # The archive that this machine is configured to use.
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        awk -v release="$release" '$2 == release { print $1; exit }')
    debootstrap --variant=minbase "$release" "$scratch/root" "$mirror" >"$scratch/debootstrap.log" 2>&1 ||
        { tail -n 20 "$scratch/debootstrap.log" >&2; exit 1; }
    container=$(buildah from scratch)
    buildah copy --quiet "$container" "$scratch/root" / >/dev/null
    buildah commit --quiet "$container" "$base-run" >/dev/null
    rm -rf "$scratch/root"

    # What the toolchain's own image has beside the toolchain.
    buildah run --isolation chroot "${volumes[@]}" "$container" -- sh -c "apt-get update -qq && apt-get install -qq --yes \
        --no-install-recommends ca-certificates git gcc libc6-dev libstdc++-12-dev binutils libncurses6 libedit2 libxml2 \
        libcurl4 libsqlite3-0 libuuid1 zlib1g libpython3.11 >/dev/null"
    buildah config --env "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$toolchain/bin" "$container"
    buildah commit --quiet --rm "$container" "$base-build" >/dev/null
fi
