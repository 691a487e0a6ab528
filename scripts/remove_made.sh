#!/bin/sh
# Removes folders that EdgeForge's make and scripts have made: those with the marker file in them, and no links. Another is refused.
for folder in "$@"; do
  [ -e "$folder" ] || [ -L "$folder" ] || continue
  if [ -L "$folder" ] || [ ! -f "$folder/.edgeforge-made" ]; then
    echo "$folder was not made by EdgeForge (it has no .edgeforge-made): move it away" >&2
    exit 1
  fi
  rm -rf --one-file-system -- "$folder"
done
