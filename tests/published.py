"""The papers' bicubic rows, which both the metrics and evaluate are held to."""

# Y path (PSNR, SSIM): HR luma rounded to 8-bit levels; down and up in double; SR clipped, rounded once.
Y_PATH = {
    "Set5": {2: (33.66, 0.9299), 3: (30.39, 0.8682), 4: (28.42, 0.8104)},
    "Set14": {2: (30.23, 0.8687), 3: (27.54, 0.7736), 4: (26.00, 0.7019)},
    "BSD100": {2: (29.56, 0.8431), 3: (27.21, 0.7384), 4: (25.96, 0.6674)},
}
# uint8 RGB path (lowest and highest PSNR found in print): LR is an 8-bit file, SR 8-bit RGB, then rounded Y.
RGB_PATH = {2: (33.64, 33.68), 3: (30.38, 30.40), 4: (28.42, 28.43)}
