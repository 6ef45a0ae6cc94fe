# SPDX-License-Identifier: Apache-2.0
"""Loops over voxels, compiled on first use; in one file with their constants, by which numba knows what it has kept."""

from typing import Any, NamedTuple

import numpy as np

from talk2dino_ros.engine.runtime.compiled import compiled, reordered

_Array = Any  # numpy arrays: numba compiles for their types by itself

BITS = 21  # of a key for each axis
HALF = 1 << (BITS - 1)
_MASK = (1 << BITS) - 1
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: neighbours lie far apart in the table
EMPTY = -1
MOST_WEIGHT = np.float32(32.0)  # of all that was seen before: what changes slowly is taken in
ENOUGH_LOOKS = 2  # a voxel is gone once it was seen through more often than it was seen, or than this, if that is less


class VoxelTable(NamedTuple):
    """Arrays of voxel_map.py. slots: int32 [S], voxels' numbers by their keys. blocks: int64 [S, 2], keys and cells."""

    keys: _Array
    columns: _Array
    codes: _Array
    slots: _Array
    blocks: _Array


@compiled
def _first_probe(slots: _Array, key: int) -> int:
    """Return the place in a table where the search for a key begins."""
    mixed = np.uint64(key) * _MIX
    return (mixed ^ (mixed >> np.uint64(32))) & np.uint64(len(slots) - 1)


@compiled
def _slot(table: VoxelTable, key: int) -> int:
    """Return the slot of a key, or the empty one where it belongs."""
    slots, keys = table.slots, table.keys
    mask = np.uint64(len(slots) - 1)
    at = _first_probe(slots, key)
    while slots[at] != EMPTY and keys[slots[at]] != key:
        at = (at + np.uint64(1)) & mask
    return np.int64(at)


@compiled
def _block_slot(blocks: _Array, block: int) -> int:
    """Return the same of a block, which stands in the slot itself."""
    mask = np.uint64(len(blocks) - 1)
    at = _first_probe(blocks, block)
    while blocks[at, 0] != EMPTY and blocks[at, 0] != block:
        at = (at + np.uint64(1)) & mask
    return np.int64(at)


@compiled
def _block_of(x: int, y: int, z: int) -> int:
    """Return the block of 4 x 4 x 4 cells that a cell is in; x, y, z: as they are in a key."""
    return ((x >> 2) << (2 * BITS)) | ((y >> 2) << BITS) | (z >> 2)


@compiled
def _bit_of(x: int, y: int, z: int) -> int:
    """Return a cell's bit in the word of its block."""
    return ((x & 3) << 4) | ((y & 3) << 2) | (z & 3)


@compiled
def _mark(blocks: _Array, key: int) -> None:
    """Note in its block that a cell has a voxel: a ray asks blocks, most of which are empty."""
    x, y, z = key >> (2 * BITS), (key >> BITS) & _MASK, key & _MASK
    block = _block_of(x, y, z)
    at = _block_slot(blocks, block)
    blocks[at, 0] = block
    blocks[at, 1] |= np.int64(1) << _bit_of(x, y, z)


@compiled
def enter(table: VoxelTable, count: int) -> None:
    """Fill empty slots and blocks with the first keys."""
    for index in range(count):
        key = table.keys[index]
        table.slots[_slot(table, key)] = index
        _mark(table.blocks, key)


@compiled
def drop_gone(table: VoxelTable, count: int) -> int:
    """Move the voxels with detections together, in place; return how many they are."""
    keys, columns, codes, kept = table.keys, table.columns, table.codes, 0
    for index in range(count):
        if columns[index].detections > 0:
            keys[kept], columns[kept], codes[kept] = keys[index], columns[index], codes[index]
            kept += 1
    return kept


@compiled
def look_up(table: VoxelTable, wanted: _Array, found: _Array) -> None:
    """Find the voxels of keys; EMPTY for those that are not there."""
    for number in range(len(wanted)):
        found[number] = table.slots[_slot(table, wanted[number])]


@compiled
def hit(
    table: VoxelTable,
    count: int,
    seen_keys: _Array,
    seen_codes: _Array,
    seen_scales: _Array,
    seen_weights: _Array,
    stamp_ns: int,
    keyframe: int,
) -> int:
    """Take one keyframe's patches into their voxels; return how many voxels there are then.

    The arrays have room for every patch in a voxel of its own.
    """
    slots, keys, columns, codes = table.slots, table.keys, table.columns, table.codes
    mean = np.empty(codes.shape[1], np.float32)
    for patch in range(len(seen_keys)):
        at = _slot(table, seen_keys[patch])
        index = slots[at]
        if index == EMPTY:
            index = count
            slots[at] = index
            keys[index] = seen_keys[patch]
            _mark(table.blocks, seen_keys[patch])
            columns[index].detections = 0
            columns[index].hit_in = EMPTY
            columns[index].passed_in = EMPTY
            count += 1
        voxel = columns[index]
        if voxel.detections == 0:  # new, or gone and there again
            voxel.weight = np.float32(0)
            voxel.scale = np.float32(0)
            voxel.best_weight = np.float32(-1)
            voxel.first_ns = stamp_ns
            voxel.last_ns = stamp_ns
        if voxel.hit_in != keyframe:
            voxel.hit_in = keyframe
            voxel.detections += 1
            voxel.passed = 0
            voxel.first_ns = min(voxel.first_ns, stamp_ns)
            voxel.last_ns = max(voxel.last_ns, stamp_ns)
        weight = seen_weights[patch]
        if weight > voxel.best_weight:
            voxel.best_weight = weight
            voxel.best_keyframe = keyframe
        before = voxel.weight
        kept, share = before / (before + weight), weight / (before + weight)
        largest = _blend(codes[index], voxel.scale * kept, seen_codes[patch], seen_scales[patch] * share, mean)
        voxel.weight = min(before + weight, MOST_WEIGHT)
        voxel.scale = largest / np.float32(127)
        _round(mean, voxel.scale, codes[index], seen_keys[patch], keyframe)
    return count


@reordered
def _blend(codes: _Array, scale: float, seen: _Array, seen_scale: float, mean: _Array) -> float:
    """Set mean to codes * scale + seen * seen_scale, where seen may be shorter; return its largest absolute value."""
    for d in range(len(seen)):
        mean[d] = np.float32(codes[d]) * scale + np.float32(seen[d]) * seen_scale
    for d in range(len(seen), len(codes)):
        mean[d] = np.float32(codes[d]) * scale
    largest = np.float32(0)
    for d in range(len(codes)):
        largest = max(largest, abs(mean[d]))
    return largest


@reordered
def _round(mean: _Array, scale: float, codes: _Array, key: int, keyframe: int) -> None:
    """Round to whole steps, up or down by chance: to the nearest, small changes would never count.

    The chance is computed (lowbias32) of voxel, keyframe and coefficient: what is rebuilt is the same to the bit.
    """
    mixed = (np.uint64(key) * _MIX) ^ (np.uint64(keyframe + 1) * np.uint64(0xD1342543DE82EF95))
    seed = np.uint32(mixed >> np.uint64(32))
    per_step = np.float32(1) / scale if scale > 0 else np.float32(0)
    for d in range(len(mean)):
        state = np.uint32(seed + np.uint32(np.uint32(d) * np.uint32(0x9E3779B9)))
        state = np.uint32(np.uint32(state ^ (state >> np.uint32(16))) * np.uint32(0x7FEB352D))
        state = np.uint32(np.uint32(state ^ (state >> np.uint32(15))) * np.uint32(0x846CA68B))
        chance = np.float32(np.int32(state >> np.uint32(8))) * np.float32(2.0**-24)
        whole = np.floor(mean[d] * per_step + chance)
        codes[d] = np.int8(max(np.float32(-127), min(np.float32(127), whole)))


@compiled
def see_through(table: VoxelTable, sensor: _Array, points: _Array, cell: float, keyframe: int) -> int:
    """Count the voxels that rays from the sensor to points [N, 3] (metres) pass through; return how many are gone.

    The cell in which a ray ends and the one before are spared; so is what the keyframe has hit. A keyframe counts once.
    """
    gone = 0
    for number in range(len(points)):
        gone += _walk(table, sensor, points[number], cell, keyframe)
    return gone


@compiled
def _along(start: float, end: float) -> tuple[int, int, float, float, int]:
    """Return of one axis: first cell as in a key, step, share of the way to the first border and the next, borders."""
    first, way = np.int64(np.floor(start)), end - start
    borders = abs(np.int64(np.floor(end)) - first)
    if way == 0:
        return first + HALF, 1, np.inf, np.inf, borders
    border = first + 1 if way > 0 else first
    return first + HALF, 1 if way > 0 else -1, (border - start) / way, abs(1 / way), borders


@compiled
def _walk(table: VoxelTable, start: _Array, end: _Array, cell: float, keyframe: int) -> int:
    """Walk from cell to cell as Amanatides and Woo. No branch asks for the way, which is anyone's guess."""
    x, step_x, next_x, each_x, more_x = _along(start[0] / cell, end[0] / cell)
    y, step_y, next_y, each_y, more_y = _along(start[1] / cell, end[1] / cell)
    z, step_z, next_z, each_z, more_z = _along(start[2] / cell, end[2] / cell)
    gone, block, there = 0, EMPTY, 0
    for _ in range(more_x + more_y + more_z - 1):  # neither the last nor the one before
        own = _block_of(x, y, z)
        if own != block:
            block, there = own, table.blocks[_block_slot(table.blocks, own), 1]
        if (there >> _bit_of(x, y, z)) & 1:
            gone += _pass(table, (x << (2 * BITS)) | (y << BITS) | z, keyframe)
        is_y = next_y < next_x
        is_z = next_z < (next_y if is_y else next_x)
        is_x, is_y = not (is_y or is_z), is_y and not is_z
        x, next_x = (x + step_x, next_x + each_x) if is_x else (x, next_x)
        y, next_y = (y + step_y, next_y + each_y) if is_y else (y, next_y)
        z, next_z = (z + step_z, next_z + each_z) if is_z else (z, next_z)
    return gone


@compiled
def _pass(table: VoxelTable, key: int, keyframe: int) -> int:
    voxel = table.columns[table.slots[_slot(table, key)]]
    if voxel.detections == 0 or keyframe in (voxel.hit_in, voxel.passed_in):
        return 0
    voxel.passed_in = keyframe
    voxel.passed += 1
    if voxel.passed <= min(voxel.detections, ENOUGH_LOOKS):
        return 0
    voxel.detections = 0
    voxel.passed = 0
    return 1


@reordered
def cosines(
    codes: _Array, columns: _Array, words: _Array, best: _Array, against: _Array, nothing: float, first: int, last: int
) -> None:
    """Return for each voxel the cosine with the first word, and the highest with the others, at least `nothing`.

    The others are not asked where the first is below `nothing`: most voxels of a map.
    """
    width = words.shape[1]
    row = np.empty(width, np.float32)
    for index in range(first, last):
        if columns[index].detections == 0:
            best[index] = np.float32(-2)
            against[index] = np.float32(2)
            continue
        for d in range(width):
            row[d] = np.float32(codes[index, d])
        highest = np.float32(nothing)
        for word in range(len(words)):
            total = np.float32(0)
            for d in range(width):
                total += row[d] * words[word, d]
            total *= columns[index].scale
            if word == 0:
                best[index] = total
                if total <= highest:
                    break
            elif total > highest:
                highest = total
        against[index] = highest


@compiled
def join(parents: _Array, ones: _Array, others: _Array) -> None:
    """Join the sets of pairs; parents: each one's number at first, at last the lowest number of its set."""
    for pair in range(len(ones)):
        one, other = ones[pair], others[pair]
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        while parents[other] != other:
            parents[other] = parents[parents[other]]
            other = parents[other]
        parents[max(one, other)] = min(one, other)
    for number in range(len(parents)):
        parents[number] = parents[parents[number]]
