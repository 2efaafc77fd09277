"""Look-alike characters: pictures of all characters of GB 2312 in two typefaces, blurred and compared.

Run with Pillow, numpy and the two font files as arguments (WenQuanYi Zen Hei, AR PL UKai); writes like_shape.txt.
"""
import sys
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE, SMALL, MOST, LEAST = 40, 24, 18, 0.70
characters = [bytes([a, b]).decode("gb2312", "ignore") for a in range(0xB0, 0xF8) for b in range(0xA1, 0xFF)]
characters = [c for c in characters if c] + list("圪垱塚坟堌垸塬峁崂洑")
characters = list(dict.fromkeys(characters))


def picture(font, blur, c):
    image = Image.new("L", (SIZE + 8, SIZE + 8), 0)
    ImageDraw.Draw(image).text(((SIZE + 8) // 2,) * 2, c, fill=255, font=font, anchor="mm")
    image = image.filter(ImageFilter.GaussianBlur(blur)).resize((SMALL, SMALL), Image.BILINEAR)
    v = np.asarray(image, dtype=np.float32).ravel()
    v = v - v.mean()
    norm = np.linalg.norm(v)
    return v / norm if norm > 0 else v


likeness = None
for path, blur in ((sys.argv[1], 1.6), (sys.argv[2], 1.2)):
    font = ImageFont.truetype(path, SIZE)
    m = np.stack([picture(font, blur, c) for c in characters])
    one = m @ m.T
    likeness = one if likeness is None else np.maximum(likeness, one)
np.fill_diagonal(likeness, -1)
with open("like_shape.txt", "w", encoding="utf-8") as out:
    for i, c in enumerate(characters):
        best = np.argsort(-likeness[i], kind="stable")[:MOST]
        near = "".join(characters[j] for j in best if likeness[i, j] >= LEAST)
        if near:
            out.write(c + near + "\n")
