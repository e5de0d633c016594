"""Wrong answers to chapter 1's exercises."""

WRONG: dict[str, list[str]] = {
    "1.1": [
        "def gray_levels(decibels):\n    return 255 * 10 ** (-decibels / 10)",
        "def gray_levels(decibels):\n    return 10 ** (-decibels / 20)",
        "def gray_levels(decibels):\n    return 255 * 10 ** (decibels / 20)",
        "def gray_levels(decibels):\n    print(255 * 10 ** (-decibels / 20))",
    ],
    "1.2": [
        "def noise_twin(hr, noise):\n    return hr + noise - noise.mean()",
        "def noise_twin(hr, noise):\n    return hr.clone()",
        "def noise_twin(hr, noise):\n    return noise - F.avg_pool2d(noise, 3)",
        "def noise_twin(hr, noise):\n"
        "    seen = F.avg_pool2d(noise, 3).repeat(1, 3, 3)\n"
        "    return hr + noise - seen",
        "def noise_twin(hr, noise):\n    return F.avg_pool2d(hr + noise, 3)",
        "def noise_twin(hr, noise):\n"
        "    seen = F.avg_pool2d(noise, 3)\n"
        "    seen = seen.repeat_interleave(3, dim=1).repeat_interleave(3, dim=2)\n"
        "    return noise - seen",
        "def noise_twin(hr, noise):\n"
        "    seen = F.avg_pool2d(noise, 3)\n"
        "    seen = seen.repeat_interleave(3, dim=1).repeat_interleave(3, dim=2)\n"
        "    return (hr + noise - seen).clamp(0, 1)",
        "def noise_twin(hr, noise):\n    return hr + noise - F.avg_pool2d(noise, 3, stride=1, padding=1)",
    ],
    "1.3": [
        "def noise_to_order(x, decibels):\n    return x + 10 ** (-decibels / 20) * torch.randn_like(x)",
        "def noise_to_order(x, decibels):\n    return x + 10 ** (-decibels / 20)",
        "def noise_to_order(x, decibels):\n    return x + 10 ** (-decibels / 10) * torch.randn_like(x)",
        "def noise_to_order(x, decibels):\n"
        "    return x + 10 ** (-decibels / 20) * torch.randn_like(x).sign()",
        "def noise_to_order(x, decibels):\n"
        "    noise = torch.randn_like(x)\n"
        "    noise = noise / noise.square().mean().sqrt()\n"
        "    return (x + 10 ** (-decibels / 20) * noise).clamp(0, 1)",
        "def noise_to_order(x, decibels):\n"
        "    noise = torch.randn_like(x)\n"
        "    return x + 10 ** (-decibels / 20) * noise / noise.std()",
    ],
    "1.4": [
        "def score(sr, hr, crop):\n"
        "    true, guess = (shave(luma(x), crop) for x in (hr, sr))\n"
        "    rmse = (guess - true).square().mean().sqrt()\n"
        "    return float(20 * (true.max() / rmse).log10())",
        "def score(sr, hr, crop):\n"
        "    a, b = shave(luma(sr), crop), shave(luma(hr), crop)\n"
        "    return float(10 * torch.log10((b.max() - b.min()) ** 2 / (a - b).square().mean()))",
        "def score(sr, hr, crop):\n"
        "    a, b = luma(sr), luma(hr)\n"
        "    return float(-10 * (a - b).square().mean().log10())",
        "def score(sr, hr, crop):\n"
        "    a, b = shave(sr, crop), shave(hr, crop)\n"
        "    return float(-10 * (a - b).square().mean().log10())",
        "def score(sr, hr, crop):\n"
        "    a, b = shave(luma(sr), crop), shave(luma(hr), crop)\n"
        "    return float(10 * torch.log10((235 / 255) ** 2 / (a - b).square().mean()))",
        "def score(sr, hr, crop):\n"
        "    a, b = shave(luma(sr), crop), shave(luma(hr), crop)\n"
        "    return float(10 * torch.log10(255**2 / (a - b).square().mean()))",
        "def score(sr, hr, crop):\n"
        "    a, b = shave(luma(sr), crop), shave(luma(hr), crop)\n"
        "    return float(10 * torch.log10(hr.max() ** 2 / (a - b).square().mean()))",
        "def score(sr, hr, crop):\n"
        "    a, b = (from_uint8(to_uint8(luma(from_uint8(to_uint8(x))))) for x in (sr, hr))\n"
        "    return float(-10 * (shave(a, crop) - shave(b, crop)).square().mean().log10())",
    ],
    "1.5": [
        "def spearman(a, b):\n    return float(torch.corrcoef(torch.tensor([a, b]))[0, 1])",
        "def spearman(a, b):\n"
        "    ra, rb = (torch.tensor(v).argsort().double() for v in (a, b))\n"
        "    return float(torch.corrcoef(torch.stack([ra, rb]))[0, 1])",
        "def spearman(a, b):\n"
        "    ra, rb = (torch.tensor(v).argsort().argsort().double() for v in (a, b))\n"
        "    return float(((ra - ra.mean()) * (rb - rb.mean())).mean())",
        "def spearman(a, b):\n"
        "    ra, rb = (torch.tensor(v).argsort().argsort().double() for v in (a, b))\n"
        "    return float(((ra - ra.mean()) * (rb - rb.mean())).mean() / (ra.std() * rb.std()))",
        "def spearman(a, b):\n"
        "    ra, rb = (torch.tensor(v).argsort().argsort().double() for v in (a, b))\n"
        "    return float((ra * rb).sum() / (ra.norm() * rb.norm()))",
    ],
    "1.6": [
        "def ssim_blocks(a, b):\n"
        "    ma, mb, va, vb = a.mean(), b.mean(), a.var(), b.var()\n"
        "    cov = (a * b).mean() - ma * mb\n"
        "    light = (2 * ma * mb + 0.01**2) / (ma**2 + mb**2 + 0.01**2)\n"
        "    return float(light * (2 * cov + 0.03**2) / (va + vb + 0.03**2))",
        "def ssim_blocks(a, b):\n"
        "    ma, mb = F.avg_pool2d(a, 8), F.avg_pool2d(b, 8)\n"
        "    va, vb = F.avg_pool2d(a * a, 8) - ma**2, F.avg_pool2d(b * b, 8) - mb**2\n"
        "    cov = F.avg_pool2d(a * b, 8) - ma * mb\n"
        "    light = 2 * ma * mb / (ma**2 + mb**2)\n"
        "    return float((light * 2 * cov / (va + vb)).mean())",
        "def ssim_blocks(a, b):\n"
        "    ma, mb = F.avg_pool2d(a, 8), F.avg_pool2d(b, 8)\n"
        "    va, vb = F.avg_pool2d(a * a, 8) - ma**2, F.avg_pool2d(b * b, 8) - mb**2\n"
        "    light = (2 * ma * mb + 0.01**2) / (ma**2 + mb**2 + 0.01**2)\n"
        "    contrast = (2 * (va * vb).clamp(min=0).sqrt() + 0.03**2) / (va + vb + 0.03**2)\n"
        "    return float((light * contrast).mean())",
        "def ssim_blocks(a, b):\n    return float(ssim(a, b))",
        "def ssim_blocks(a, b):\n"
        "    ma, mb, aa, bb, ab = (F.avg_pool2d(x, 8, stride=1) for x in (a, b, a * a, b * b, a * b))\n"
        "    light = (2 * ma * mb + 0.01**2) / (ma**2 + mb**2 + 0.01**2)\n"
        "    rest = (2 * (ab - ma * mb) + 0.03**2) / (aa - ma**2 + bb - mb**2 + 0.03**2)\n"
        "    return float((light * rest).mean())",
        "def ssim_blocks(a, b):\n"
        "    x, y = (v.unfold(1, 8, 8).unfold(2, 8, 8).flatten(3) for v in (a, b))\n"
        "    mx, my, cov = x.mean(-1), y.mean(-1), (x * y).mean(-1) - x.mean(-1) * y.mean(-1)\n"
        "    light = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)\n"
        "    return float((light * (2 * cov + 0.03**2) / (x.var(-1) + y.var(-1) + 0.03**2)).mean())",
        "def ssim_blocks(a, b):\n"
        "    x, y = (v.unfold(1, 8, 8).unfold(2, 8, 8).flatten(3) for v in (a, b))\n"
        "    mx, my, vx, vy = x.mean(-1), y.mean(-1), x.var(-1), y.var(-1)\n"
        "    cov = ((x - mx[..., None]) * (y - my[..., None])).sum(-1) / 63\n"
        "    light = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)\n"
        "    return float((light * (2 * cov + 0.03**2) / (vx + vy + 0.03**2)).mean())",
    ],
}
