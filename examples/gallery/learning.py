"""A network learns connect four: above each column what it thinks of the move, below the truth, at steps 0, 60, 600.

神经网络学下四子棋：每列上方是它对该步棋的评价，下方是实际结果；自左至右为训练 0、60、600 步之后。
"""

from PIL import Image

from steepest import workloads
from steepest.rules import Adam
from steepest.training import pictures

made = pictures(workloads.find("board"), Adam(lr=0.003), seed=1, at=(0, 60, 600))
width, height = made[0].picture.width // 2, made[0].picture.height  # four of the eight positions
sheet = Image.new("RGB", (len(made) * (width + 20), height), "white")
for column, shown in enumerate(made):
    sheet.paste(shown.picture.crop((0, 0, width, height)), (column * (width + 20), 0))
sheet.save("learning.png")
