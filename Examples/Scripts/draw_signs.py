"""Draws Data/signs.png, the image of the detect example: `draw_signs.py <file>`. Needs Pillow and the DejaVu fonts."""

import sys

from PIL import Image, ImageDraw, ImageFont


def font(size, style="Sans"):
    return ImageFont.truetype(f"DejaVu{style}.ttf", size)


image = Image.new("RGB", (800, 560), (226, 219, 204))
draw = ImageDraw.Draw(image)
for row in range(0, 560, 40):
    draw.line([(0, row), (800, row)], fill=(214, 206, 190), width=2)
    for column in range((row // 40) % 2 * 40, 800, 80):
        draw.line([(column, row), (column, row + 40)], fill=(214, 206, 190), width=2)

draw.rounded_rectangle([40, 40, 420, 150], 12, fill=(32, 74, 56))
draw.text((66, 58), "HARBOUR STREET", font=font(32, "Sans-Bold"), fill=(245, 245, 240))
draw.text((66, 106), "formerly Rope Walk", font=font(22, "Serif"), fill=(200, 220, 205))

draw.rectangle([470, 60, 750, 260], fill=(250, 244, 230), outline=(120, 30, 30), width=6)
draw.text((496, 84), "Bakery", font=font(52, "Serif-Bold"), fill=(120, 30, 30))
draw.text((498, 160), "bread since 1921", font=font(26, "Serif"), fill=(60, 50, 40))
draw.text((498, 204), "open 6:30 - 13:00", font=font(22, "SansMono"), fill=(60, 50, 40))

sign = Image.new("RGBA", (360, 90), (0, 0, 0, 0))
plate = ImageDraw.Draw(sign)
plate.rounded_rectangle([0, 0, 359, 89], 10, fill=(24, 60, 120, 255))
plate.text((30, 24), "FERRY  2.4 km", font=font(36, "Sans-Bold"), fill=(255, 255, 255, 255))
turned = sign.rotate(14, expand=True, resample=Image.Resampling.BICUBIC)
image.paste(turned, (60, 230), turned)

draw.polygon([(560, 310), (680, 500), (440, 500)], fill=(240, 190, 40), outline=(30, 30, 30))
draw.text((502, 440), "slow down", font=font(22, "Sans-Bold"), fill=(30, 30, 30))
draw.text((90, 470), "no parking in front of the gate", font=font(20), fill=(90, 60, 40))
image.quantize(64, dither=Image.Dither.NONE).save(sys.argv[1], optimize=True)
