"""Images for the tests: `images.py <folder>` writes PNG and JPEG files and what Pillow reads out of them, and reads those that are there.

Files come in pairs: NAME.png or NAME.jpg, and NAME.npz with the pixels [height, width, channels] unchanged and as Pillow's L, RGB and RGBA. What
Pillow can't write, 16 bits in colour and interlaced rows, is put together here.
"""

import pathlib
import struct
import sys
import zlib

import numpy
from PIL import Image

folder = pathlib.Path(sys.argv[1])
random = numpy.random.default_rng(3)


def picture(height, width, channels):
    """Smooth, as photographs are, with some noise."""
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(channels), indexing="ij")
    smooth = 128 + 100 * numpy.sin(x / (5 + c) + y / 9 + c)
    return numpy.clip(smooth + random.normal(0, 8, smooth.shape), 0, 255).astype(numpy.uint8)


def arrays(image):
    def pixels(image):
        array = numpy.asarray(image)
        return array[..., None] if array.ndim == 2 else array

    unchanged = image
    if image.mode == "P":
        unchanged = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        unchanged = image.convert("L")
    # Pillow takes a transparent gray value or colour for what it is only where it is asked for alpha.
    elif "transparency" in image.info:
        unchanged = image.convert("LA" if image.mode == "L" else "RGBA")
    return {
        "unchanged": pixels(unchanged), "gray": pixels(unchanged.convert("RGB").convert("L")),
        "rgb": pixels(unchanged.convert("RGB")), "rgba": pixels(unchanged.convert("RGBA")),
    }


def save(name, image, **options):
    image.save(folder / name, **options)
    with Image.open(folder / name) as again:
        numpy.savez(folder / (name.split(".")[0] + ".npz"), **arrays(again))


def write_png(path, pixels, kind, depth, interlaced=False):
    """Pixels [height, width, channels], unfiltered; for depths below 8 one channel."""
    height, width = pixels.shape[:2]

    def packed(rows):
        result = b""
        for row in rows:
            if depth == 16:
                data = row.astype(">u2").tobytes()
            elif depth == 8:
                data = row.astype(numpy.uint8).tobytes()
            else:
                bits = "".join(format(int(v), f"0{depth}b") for v in row.reshape(-1))
                data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
            result += b"\0" + data
        return result

    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        parts = [pixels[y::dy, x::dx] for y, x, dy, dx in passes]
        data = b"".join(packed(p) for p in parts if p.size)
    else:
        data = packed(pixels)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    # A gamma: the numbers are to come out as they are all the same.
    gamma = chunk(b"gAMA", struct.pack(">I", 100000))
    body = zlib.compress(data)
    halves = chunk(b"IDAT", body[: len(body) // 2]) + chunk(b"IDAT", body[len(body) // 2:])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + gamma + halves + chunk(b"IEND", b""))


for height, width in [(1, 1), (23, 37)]:
    size = f"{height}x{width}"
    rgb = Image.fromarray(picture(height, width, 3))
    rgba = Image.fromarray(picture(height, width, 4))
    gray = rgb.convert("L")
    save(f"gray-{size}.png", gray)
    save(f"bits-{size}.png", gray.convert("1"))
    save(f"grayalpha-{size}.png", rgba.convert("LA"))
    save(f"rgb-{size}.png", rgb)
    save(f"rgba-{size}.png", rgba)
    save(f"palette-{size}.png", rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=11))
    save(f"clearpalette-{size}.png", rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=11), transparency=3)
    save(f"clearrgb-{size}.png", rgb, transparency=rgb.getpixel((0, 0)))
    save(f"jgray-{size}.jpg", gray, quality=85)
    for subsampling in ["4:4:4", "4:2:2", "4:2:0"]:
        save(f"jpeg{subsampling[-3:].replace(':', '')}-{size}.jpg", rgb, quality=80, subsampling=subsampling)
    save(f"progressive-{size}.jpg", rgb, progressive=True)
rgb.convert("CMYK").save(folder / "cmyk.jpg")

for channels, kind in [(1, 0), (2, 4), (3, 2), (4, 6)]:
    deep = random.integers(0, 65536, (9, 14, channels))
    for interlaced in [False, True]:
        name = f"deep{channels}{'i' if interlaced else ''}"
        write_png(folder / f"{name}.png", deep, kind, 16, interlaced)
        numpy.savez(folder / f"{name}.npz", unchanged=deep.astype(numpy.int32))
for depth in [1, 2, 4, 8]:
    shallow = random.integers(0, 2**depth, (11, 13, 1))
    write_png(folder / f"interlaced{depth}.png", shallow, 0, depth, True)
    with Image.open(folder / f"interlaced{depth}.png") as image:
        numpy.savez(folder / f"interlaced{depth}.npz", **arrays(image))

# What was written there before.
for path in sorted(folder.glob("ours-*")):
    if path.suffix in (".png", ".jpg"):
        with Image.open(path) as image:
            image.load()
            array = numpy.asarray(image).astype(numpy.int32)
            numpy.save(path.with_suffix(".npy"), array[..., None] if array.ndim == 2 else array)
