#!/usr/bin/env python3
"""Headers, sound, odd and broken, each with the verdict of the safetensors wheel.

    safetensors_corpus.py OUTPUT [--cases N] [--seed S] [--selected BYTES]

Without --selected every case is written. With it, cases are taken one of each kind at a time (a kind is the
verdict, the wording of the wheel's message and the oddities put in) until BYTES are reached: this makes
Fixtures/vectors/safetensors/corpus.bin.

A record of the output is: verdict (1 byte, see VERDICTS; 255 is "some rejection", where the wheel's own
answer changes from run to run), the sum of the FNV-1a digests of the accepted tensors (8 bytes,
little-endian), length (4 bytes), and the bytes of the file.

Needs: safetensors 0.8.0.
"""

import argparse
import random
import re
import struct

import safetensors

VERDICTS = [
    ("header too small", 1),
    ("header too large", 2),
    ("invalid header length", 3),
    ("invalid UTF-8", 4),
    ("invalid JSON", 5),
    ("invalid offset", 6),
    ("overflow computing", 7),
    ("slicing for subbytes", 8),
    ("invalid shape, data type", 9),
    ("incomplete metadata", 10),
]

BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32,
    "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}
DTYPES = list(BITS)
NAMES = [
    "a", "b", "w", "model.norm.weight", "\\u0061", "", "\\u0000", "a\\u0000b", "..", "a/b", "é", "e\\u0301",
    "\u0065\u0301", "\\ud83d\\ude00", "😀", "\\\"", "__metadata__x", "__metadat\\u0061__", "\\u212a", "K",
    "\\/", "\\b\\f\\n\\r\\t", "​", "dtype", "0",
]
NUMBERS = [
    "0", "1", "2", "3", "4", "7", "8", "16", "-0", "-1", "1.0", "1e0", "1E2", "00", "01", "0x1", "1.", ".5",
    "255", "4294967296", "281474976710656", "281474976710657", "9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "2305843009213693951", "2305843009213693952",
    "99999999999999999999999999", "1e308", "1e309", "-1e400", "1e-400", "0e999999999999", "1e99999999999",
    "1e-99999999999", "1.7976931348623157e308", "1.7976931348623159e308", "17976931348623157e292",
    "179769313486231580793e289", "1" + "0" * 308, "1" + "0" * 309, "1844674407370955161.56",
    "18446744073709551615.9e288", "0." + "0" * 330 + "1e640", "1" + "0" * 330 + "e-30", "1e+5", "1e+", "1e",
    "-", "+1", "NaN", "Infinity", "1e-", "184467440737095516159.5e289", "0.18446744073709551616e309",
]
VALUES = [
    "null", "true", "false", "{}", "[]", '""', '"x"', "[1,2]", '{"a":1,"a":2}', '[[[[]]]]', "tru", "nul",
    '{"a":', "[,]", "[1,]", '{"a":1,}', '"\\ud800"', '"\\udc00\\ud800"', '"\\x"', '"\\u12"', '"\\ud83dx"',
]
TOKENS = [
    "{", "}", "[", "]", ":", ",", '"', "\\", " ", "\t", "\n", "\r", "\0", "\x0b", "\x1f", "/", "//", "null",
    "0", "-", ".", "e", "\\u", '"dtype"', '"shape"', '"data_offsets"', '"__metadata__"', '"F32"', '"f32"',
    '"U8"', "[0,0]", "[0,1]", "[0]", "é", "\x7f", "\ufeff", "\ud7ff",
]
NUMBER = re.compile(rb"\d+")
TOKEN = re.compile(rb'"[^"]*"|\d+|[\[\]{}:,]')


class Maker:
    """Makes files from a seed; `oddities` says what was put into the last one."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.oddities = []
        # How odd a file is: calm ones get as far as the checks of places.
        self.wildness = 1.0

    def odd(self, chance, name):
        if self.r.random() < chance * self.wildness:
            self.oddities.append(name)
            return True
        return False

    def space(self):
        return self.r.choice(" \t\n\r") if self.r.random() < 0.02 else ""

    def value(self):
        r = self.r
        kind = r.random()
        if kind < 0.5:
            return r.choice(NUMBERS)
        if kind < 0.6:
            # Digits at random, where rounding and overflow are decided.
            whole = "".join(r.choices("0123456789", k=r.randint(1, 24))).lstrip("0") or "0"
            part = "." + "".join(r.choices("0123456789", k=r.randint(1, 24))) if r.random() < 0.5 else ""
            return f"{whole}{part}e{r.randint(270, 315)}"
        if kind < 0.65:
            depth = r.choice([3, 124, 125, 126, 127, 128])
            return "[" * depth + "]" * depth if r.random() < 0.5 else '{"a":' * depth + "1" + "}" * depth
        return r.choice(VALUES)

    def entry(self, name, dtype, shape, begin, end):
        r = self.r
        dims = ",".join(self.space() + str(d) for d in shape)
        kind = f'"{dtype}"'
        if self.odd(0.04, "dtype object"):
            kind = "{" + kind + ":" + r.choice(["null", "null", "null", "{}", "1", '"F32"']) + "}"
        if self.odd(0.04, "array entry"):
            return f'"{name}":[{kind},[{dims}],[{begin},{end}]]'
        fields = [f'"dtype":{kind}', f'"shape":[{dims}]', f'"data_offsets":[{begin},{self.space()}{end}]']
        if self.odd(0.03, "escaped field"):
            fields[0] = fields[0].replace("dtype", "d\\u0074ype")
        if self.odd(0.15, "extra field"):
            key = r.choice(["x", "x", "dtype2", "", "dtype", "shape", "dtyp\\u0065"])
            fields.append(f'"{key}":{self.value()}')
        if self.odd(0.1, "field order"):
            r.shuffle(fields)
        if self.odd(0.02, "missing field"):
            fields.pop()
        return f'"{name}":{{' + self.space() + ",".join(fields) + "}" + self.space()

    def metadata(self):
        r = self.r
        key = "__metadata__" if r.random() < 0.9 else "__metadat\\u0061__"
        if self.odd(0.1, "null metadata"):
            return f'"{key}":null'
        pairs = ['"format":"pt"']
        if self.odd(0.2, "metadata key twice"):
            pairs.append('"form\\u0061t":"x"')
        if self.odd(0.1, "metadata value"):
            pairs.append(f'"k":{self.value()}')
        return f'"{key}":{{' + ",".join(pairs) + "}"

    def text(self):
        r = self.r
        self.oddities = []
        members, begin = [], 0
        for number in range(r.choice([0, 1, 1, 2, 2, 3, 5])):
            dtype = r.choice(DTYPES)
            shape = [r.choice([0, 1, 1, 2, 2, 3, 4, 8]) for _ in range(r.choice([0, 1, 1, 2, 3]))]
            if self.odd(0.04, "wide zero"):
                shape = r.choice([[0, 2**64 - 1, 2**64 - 1], [2**63 + 1, 0], [2**64 - 1, 2, 0], [2**48, 2**15, 0]])
            bits = BITS[dtype]
            for dimension in shape:
                bits *= dimension
            if bits % 8 and r.random() < 0.7:
                shape, bits = shape + [4], bits * 4
            size = bits // 8
            name = r.choice(NAMES) if self.odd(0.25, "name") else f"t{number}"
            members.append(self.entry(name, dtype, shape, begin, begin + size))
            if self.odd(0.03, "tensor twice"):
                end = begin + (size if r.random() < 0.7 else r.randint(0, 8))
                members.append(self.entry(name, r.choice([dtype, "U8"]), shape, begin, end))
            begin += size
        if self.odd(0.1, "order"):
            r.shuffle(members)
        if r.random() < 0.4:
            members.insert(r.randint(0, len(members)), self.metadata())
            if self.odd(0.03, "metadata twice"):
                members.append(self.metadata())
        text = ("{" + ("," + self.space()).join(members) + "}").encode("utf-8", "surrogatepass")
        if self.odd(0.03, "leading space"):
            text = r.choice([b" ", b"\n\t", b"\r"]) + text
        return text, begin

    def mutated(self, text):
        r = self.r
        at = r.randint(0, len(text))
        kind = r.randrange(9) if r.random() < 0.5 else 4
        self.oddities.append(f"mutation {kind}")
        if kind == 0:
            return text[:at] + bytes([r.randrange(256)]) + text[at + 1:]
        if kind == 1:
            return text[:at] + r.choice(TOKENS).encode("utf-8", "surrogatepass") + text[at:]
        if kind == 2:
            return text[:at] + text[at + r.randint(1, 12):]
        if kind == 3:
            end = min(len(text), at + r.randint(1, 40))
            return text[:end] + text[at:end] + text[end:]
        if kind in (4, 5):
            spans = list(NUMBER.finditer(text))
            if not spans:
                return text
            span = r.choice(spans)
            if r.random() < 0.5:
                number = str(max(0, int(span.group()) + r.choice([-2, -1, 1, 2, 8])))
            else:
                number = r.choice(NUMBERS)
            return text[:span.start()] + number.encode() + text[span.end():]
        if kind in (6, 7):
            spans = list(TOKEN.finditer(text))
            if len(spans) < 2:
                return text
            a, b = sorted(r.sample(range(len(spans)), 2))
            a, b = spans[a], spans[b]
            if kind == 6:
                return text[:a.start()] + b.group() + text[a.end():b.start()] + a.group() + text[b.end():]
            return text[:a.start()] + r.choice(TOKENS).encode("utf-8", "surrogatepass") + text[a.end():]
        return text[:at]

    def file(self):
        r = self.r
        self.wildness = r.choice([0.1, 0.4, 1.5])
        text, size = self.text()
        if r.random() < 0.55:
            for _ in range(r.choice([1, 1, 1, 2, 3])):
                text = self.mutated(text)
        if r.random() < 0.5:
            text += b" " * (-len(text) % 8)
        if self.odd(0.03, "trailer"):
            text += r.choice([b"\0", b" \n", b"x", b"\t", b"}"])
        length = len(text)
        if self.odd(0.02, "length"):
            length = r.choice([0, length - 1, length + 1, 10**8, 10**8 + 1, 2**63, 2**64 - 1, length + size, 1])
        if self.odd(0.03, "data size"):
            size = max(0, size + r.choice([-8, -1, 1, 8]))
        size = min(size, 4096)
        data = bytes((i * 7 + 1) & 0xFF for i in range(size))
        file = struct.pack("<Q", length % 2**64) + text + data
        return file[:r.randint(0, 9)] if self.odd(0.002, "short") else file


def fnv(data):
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return digest


def judge(file, repeats=40):
    """The wheel's verdict, the digest of what it read, and its message."""
    try:
        tensors = safetensors.deserialize(file)
    except safetensors.SafetensorError as error:
        message = str(error)
        verdict = next(number for words, number in VERDICTS if words in message)
        if verdict in (6, 7, 8, 9):
            # Entries with the same offsets are checked in the order of a hash map.
            for _ in range(repeats):
                if judge(file, 0)[0] != verdict:
                    return 255, 0, message
        return verdict, 0, message
    digest = 0
    for name, info in tensors:
        # A dimension beyond the signed range is clamped by the reader under test.
        shape = ",".join(str(min(d, 2**63 - 1)) for d in info["shape"])
        line = name.encode() + b"\0" + info["dtype"].encode() + b"\0" + shape.encode() + b"\0" + bytes(info["data"])
        digest += fnv(line)
    return 0, digest & 0xFFFFFFFFFFFFFFFF, "accepted"


def record(file, repeats=40):
    verdict, digest, message = judge(file, repeats)
    return struct.pack("<BQI", verdict, digest, len(file)) + file, message


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output")
    parser.add_argument("--cases", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--selected", type=int, help="keep one of each kind at a time, up to this many bytes")
    options = parser.parse_args()
    assert safetensors.__version__ == "0.8.0", safetensors.__version__
    maker = Maker(options.seed)
    if options.selected is None:
        with open(options.output, "wb") as out:
            for _ in range(options.cases):
                out.write(record(maker.file())[0])
        return
    kinds = {}
    for _ in range(options.cases):
        file = maker.file()
        oddities = tuple(sorted(set(maker.oddities)))
        if len(file) > 1500:
            continue
        verdict, _, message = judge(file, 0)
        kind = (verdict, re.sub(r"`[^`]*`|\d+", "", message), oddities if len(oddities) < 3 else oddities[:1])
        kept = kinds.setdefault(kind, set())
        if len(kept) < (12 if verdict == 0 else 3):
            kept.add(file)
    # Accepted ones first: most that is odd and accepted is worth keeping, most that is broken is alike.
    ranked = sorted(
        (kind[0] != 0, depth, file)
        for kind, kept in kinds.items()
        for depth, file in enumerate(sorted(kept, key=lambda file: (len(file), file)))
    )
    chosen, size = set(), 0
    for _, _, file in ranked:
        if file not in chosen and size + len(file) + 13 <= options.selected:
            chosen.add(file)
            size += len(file) + 13
    with open(options.output, "wb") as out:
        for file in sorted(chosen, key=lambda file: (len(file), file)):
            out.write(record(file, 64)[0])
    print(f"{len(chosen)} cases of {len(kinds)} kinds, {size} bytes")


if __name__ == "__main__":
    main()
