# SPDX-License-Identifier: Apache-2.0
"""Loops over voxels, compiled for the CPU on first use.

All in one file, with their constants: numba takes what it has kept for good as long as this file is unchanged.
"""

from typing import Any

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


@compiled
def _slot(slots: _Array, keys: _Array, key: int) -> int:
    """The place in the table of a key, or the empty one where it belongs."""
    mask = np.uint64(len(slots) - 1)
    mixed = np.uint64(key) * _MIX
    at = (mixed ^ (mixed >> np.uint64(32))) & mask
    while slots[at] != EMPTY and keys[slots[at]] != key:
        at = (at + np.uint64(1)) & mask
    return np.int64(at)


@compiled
def enter(slots: _Array, keys: _Array, count: int) -> None:
    """Fill an empty table with the first keys."""
    for index in range(count):
        slots[_slot(slots, keys, keys[index])] = index


@compiled
def drop_gone(keys: _Array, codes: _Array, columns: _Array, count: int) -> int:
    """Move the voxels with detections together, in place; return how many they are."""
    kept = 0
    for index in range(count):
        if columns[index].detections > 0:
            keys[kept], columns[kept], codes[kept] = keys[index], columns[index], codes[index]
            kept += 1
    return kept


@compiled
def look_up(slots: _Array, keys: _Array, wanted: _Array, found: _Array) -> None:
    """Find the voxels of keys; EMPTY for those that are not there."""
    for number in range(len(wanted)):
        found[number] = slots[_slot(slots, keys, wanted[number])]


@compiled
def hit(
    slots: _Array,
    columns: _Array,
    keys: _Array,
    codes: _Array,
    count: int,
    seen_keys: _Array,
    seen_codes: _Array,
    seen_scales: _Array,
    seen_weights: _Array,
    stamp_ns: int,
    keyframe: int,
) -> int:
    """Take one keyframe's patches into their voxels; return how many voxels there are then.

    columns: the structured array of voxel_map.py. The arrays have room for every patch in a voxel of its own.
    """
    width = seen_codes.shape[1]
    mean = np.empty(codes.shape[1], np.float32)
    for patch in range(len(seen_keys)):
        at = _slot(slots, keys, seen_keys[patch])
        index = slots[at]
        if index == EMPTY:
            index = count
            slots[at] = index
            keys[index] = seen_keys[patch]
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
        share, kept = weight / (before + weight), before / (before + weight)
        largest = np.float32(0)
        for d in range(codes.shape[1]):
            value = np.float32(codes[index, d]) * voxel.scale * kept if before > 0 else np.float32(0)
            if d < width:
                value += np.float32(seen_codes[patch, d]) * seen_scales[patch] * share
            mean[d] = value
            largest = max(largest, abs(value))
        voxel.weight = min(before + weight, MOST_WEIGHT)
        voxel.scale = largest / np.float32(127)
        _round(mean, voxel.scale, codes[index], seen_keys[patch], keyframe)
    return count


@compiled
def _round(mean: _Array, scale: float, codes: _Array, key: int, keyframe: int) -> None:
    """To whole steps, up or down by chance: rounded to the nearest, small changes would never count.

    The chance is computed from the voxel and the keyframe, so that a rebuilt map is the same to the bit.
    """
    state = (np.uint64(key) * _MIX) ^ (np.uint64(keyframe + 1) * np.uint64(0xD1342543DE82EF95))
    per_step = np.float32(1) / scale if scale > 0 else np.float32(0)
    for d in range(len(mean)):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        chance = np.float32(np.uint32(state >> np.uint64(40))) * np.float32(2.0**-24)
        codes[d] = np.int8(max(-127, min(127, np.floor(mean[d] * per_step + chance))))


@compiled
def see_through(
    slots: _Array, columns: _Array, keys: _Array, sensor: _Array, points: _Array, cell: float, keyframe: int
) -> int:
    """Count the voxels that rays from the sensor to points [N, 3] (metres) pass through; return how many are gone.

    The cell in which a ray ends and the one before are spared; so is what the keyframe has hit. A keyframe counts once.
    """
    gone = 0
    for number in range(len(points)):
        gone += _walk(slots, columns, keys, sensor / cell, points[number] / cell, keyframe)
    return gone


@compiled
def _walk(slots: _Array, columns: _Array, keys: _Array, start: _Array, end: _Array, keyframe: int) -> int:
    """Amanatides and Woo's walk from cell to cell, in units of cells."""
    at, step = np.empty(3, np.int64), np.empty(3, np.int64)
    next_t, step_t = np.empty(3), np.empty(3)
    cells = 0
    for axis in range(3):
        at[axis] = np.int64(np.floor(start[axis]))
        cells += abs(np.int64(np.floor(end[axis])) - at[axis])
        way = end[axis] - start[axis]
        step[axis] = 1 if way > 0 else -1
        step_t[axis] = abs(1 / way) if way != 0 else np.inf
        border = at[axis] + 1 if way > 0 else at[axis]
        next_t[axis] = (border - start[axis]) / way if way != 0 else np.inf
    gone = 0
    for _ in range(cells - 1):  # neither the last nor the one before
        gone += _pass(slots, columns, keys, pack_key(at[0], at[1], at[2]), keyframe)
        axis = 0
        if next_t[1] < next_t[axis]:
            axis = 1
        if next_t[2] < next_t[axis]:
            axis = 2
        at[axis] += step[axis]
        next_t[axis] += step_t[axis]
    return gone


@compiled
def pack_key(x: int, y: int, z: int) -> int:
    """One number for a cell's three."""
    return ((x + HALF) << (2 * BITS)) | ((y + HALF) << BITS) | (z + HALF)


@compiled
def _pass(slots: _Array, columns: _Array, keys: _Array, key: int, keyframe: int) -> int:
    index = slots[_slot(slots, keys, key)]
    if index == EMPTY:
        return 0
    voxel = columns[index]
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
    """For each voxel the cosine with the first word, and the highest with the others, at least `nothing`.

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
