"""Wrong answers to the skeleton's exercises."""

WRONG: dict[str, list[str]] = {
    "99.1": ["def twice(x):\n    return x", "def twice(x):\n    return x**2"],
    "99.2": ["def half(number):\n    return number / 3.0", "def half(x):\n    return 2 * x"],
    "99.3": ["def square(x):\n    return 2 * x", "def square(x):\n    return x"],
    "99.4": ["def less(x):\n    return x + 1", "def less(x):\n    return 'five'"],
}
