#!/usr/bin/env python3
"""Vectors for the tokeniser and the chat template, computed by tokenizers and transformers.

    python Fixtures/generators/tokenisation_vectors.py Fixtures
    python Fixtures/generators/tokenisation_vectors.py Fixtures --stream 200000 FILE.bin

The first form writes vectors/tokenisation: a second tokeniser (synthetic.json: same pattern, vocabulary with gaps in
its ids, added tokens with every rule), what the engine takes for letters, numbers, white space and word characters
(classes.json), ids and texts for both tokenisers (encode.json, decode.json), chat renderings (chat.json) and a note
(note.json). The second writes many more random texts with their ids for a run outside the repository.
"""
import json
import platform
import random
import re
import struct
import sys
from pathlib import Path

import jinja2
import tokenizers
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

DATE = "2026-11-21"
SEED = 20261121
NAMES = ("ling-tiny-icd", "synthetic")

SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2002\u2003\u2007\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
WORDS = """the of and diabetes mellitus without complications Cholera due to Vibrio cholerae Don't I'll we've you're it's
O'Reilly 'tis naïve café Straße ĲSSEL Ωμέγα Москва Ёлка привет שלום مرحبا السلام नमस्ते हिन्दी สวัสดี ภาษาไทย こんにちは カタカナ
漢字 你好 世界 糖尿病 한국어 ᄒᆞᆫ글 ไม่ é e\u0301 ﬁn ſo ſſ 'ſ 'K \u212a \u212b 𝒳𝓎 𐐀 def return lambda x: self.x->y != ~/path/file_name.py
http://example.com/?q=1&r=2 user@example.org 3.14159 1e-10 0xFF 1,000,000 ２０２６ ½ Ⅷ ٣٤ ४५ ①② ³ 𝟘𝟙 👩‍👩‍👧‍👦 👍🏽 🇨🇳 ❤️ ☃ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 …
— “quoted” «guillemets» 。 ， ！ ？ 、 ； （ ） 【 】 \u200b \u200d \ufeff \x00 \x01 \x1b[0m \x7f \x80 \x9f \xad \ue000 \ufffd \uffff \U0010ffff""".split()
SPECIAL = ["<|startoftext|>", "<|endoftext|>", "[CLS]", "[gMASK]", "<|role_end|>", "<role>", "</role>", "<role", "<|role_end|",
           "<mask>", "<left>", "<right>", "word", "words", " lead", "<norm>", "<normal>", "<norm>al", "<both>", "[CLS][CLS]"]


def hand_written():
    """Texts that each aim at something."""
    texts = ["", " ", "  ", "\n", "\r\n", "\r", "\n\n\n", "a\n\n\nb", "a \n b", "a  \n\n  b", " \t\n\r\n x", "x   ", "x  y", "   x", "\u3000\u3000x",
             "\xa0\xa0y", "a\u2028\u2028b", "a\x85\x85b", "!!!\r\n\r\n\nx", " !!! ", "!a", "!!a", " 'a", "''s", "'s's", "a's", "a'S", "a'LL b'vE c'Re",
             "'ſ", "a'ſ", "'ſſ", "'K", "'ll", "'l", "'lx", "'v", "'r", "'re", "'d", "'m", "'tt", "' s", "'\n", "'1", "'é", "don't", "DON'T",
             "’s", "x’ll", "123456", "1 2  3", "١٢٣", "½¼", "Ⅷⅸ", "x1y2", "e\u0301e\u0301", "\u0301abc", " \u0301abc", "क्षि", "กำ", "ก็", "🇨🇳🇨🇳",
             "👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "a\u200db", "a\u200bb", "\ufeffa", "a" * 49, "a" * 48, "a" * 1000, "ab" * 700, "diabetes" * 300, " " * 300, "\n" * 300, " \n" * 200,
             "=" * 500, "漢" * 300, "word" * 100, "-" * 47 + "a", "Ġ", "ĠĠ", "Ċ", "the Ġthe", "<role>HUMAN</role>hello<|role_end|>",
             "a<role>b", "<role><role>", "<<role>>", "<role", "</role", "x<|role_end|>y", "<|role_end|> y", "  <|role_end|>  ", "<|ROLE_END|>",
             "<mask>", "a<mask>", "a <mask>", "<mask>a", "<mask> a", "_<mask>", "é<mask>", "\u0301<mask>", "<mask>\u0301", "!<mask>!", "1<mask>", "<mask><mask>",
             "a\u200d<mask>", "\U0001e030<mask>", "\u088f<mask>", "a  <left>  b", "a\u3000\n<left> <left>b", "<left>", " <left>", "a  <right>  b", "<right> <right> b", "<right> lead",
             "<right>   lead lead", " lead", "x lead", "<right>\n\n<left>", "<both> <both>", "  <both>  <both>x", "word", "words", "wordsword", "sword", "a word b", "a words.", "<norm>",
             "<norm>al", "<normal>", "<nor<norm>m>", "<norm><mask>", "x <norm> <mask> y", "[CLS][CLS]", "[CLS][gMASK]", "\u0c5c\u0cdc x", "\U00010940", "\u1c89\u1c8a", "\U000105c0", "\ua7cb", "\ua7ce",
             "𐐀𐐨 𝒳𝓎 𝟘𝟙", "\U000e0001", "\U0010ffff\uffff", "\ue000x", "x\ue000", "\x00", "\x00\x00a", "a\x00b", "\x1b[31mred\x1b[0m", "\t\tif x:\r\n\t\t\treturn  y\r\n"]
    texts += [s + "x" + s for s in SPACES] + [a + b for a in SPACES for b in "\n\r \u3000"] + ["x" + a + " y" for a in SPACES]
    return texts


def random_text(rng, length):
    """A mix of words, white space, specials and scalars from anywhere."""
    parts = []
    for _ in range(length):
        kind = rng.random()
        if kind < 0.40:
            parts.append(rng.choice(WORDS))
        elif kind < 0.62:
            parts.append(rng.choice(SPACES) * rng.choice((1, 1, 1, 2, 3)))
        elif kind < 0.70:
            parts.append(rng.choice(("\r\n", "\n", " ", "  ", " \n", "\n ")))
        elif kind < 0.80:
            parts.append(rng.choice(SPECIAL))
        elif kind < 0.86:
            parts.append(chr(rng.randrange(0x20, 0x7F)))
        elif kind < 0.89:
            parts.append("'" + rng.choice(("s", "S", "t", "ll", "LL", "lL", "ve", "Re", "m", "d", "ſ", "l", "v", "K", "x", "", "é")))
        elif kind < 0.95:
            parts.append(chr(rng.randrange(0x80, 0x3100)))
        else:
            scalar = rng.randrange(0x110000)
            parts.append(chr(scalar) if not 0xD800 <= scalar < 0xE000 else " ")
    return "".join(parts)


def synthetic(path, fixtures):
    """A tokeniser with the pattern of the fixture's and everything else as awkward as the format allows."""
    pattern = json.loads((fixtures / "checkpoints/ling-tiny-icd/tokenizer.json").read_text())["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    rng = random.Random(SEED)
    corpus = [random_text(rng, 60) for _ in range(600)] + [" ".join(rng.choices(WORDS, k=40)) for _ in range(600)]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=4500, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    document = json.loads(tokenizer.to_str())
    added = [AddedToken("<|endoftext|>", special=True, normalized=False), AddedToken("<|role_end|>", special=True, normalized=False),
             AddedToken("<role>", normalized=False), AddedToken("</role>", normalized=False),
             AddedToken("<mask>", special=True, normalized=False, single_word=True), AddedToken("<left>", normalized=False, lstrip=True),
             AddedToken("<right>", special=True, normalized=False, rstrip=True), AddedToken("<both>", normalized=False, lstrip=True, rstrip=True),
             AddedToken("word", normalized=False, single_word=True), AddedToken("words", normalized=False, single_word=True),
             AddedToken(" lead", normalized=False), AddedToken("<norm>"), AddedToken("<normal>", special=True),
             AddedToken("[CLS][CLS]", normalized=True), AddedToken("你好，世界", normalized=True), AddedToken("e\u0301", normalized=False)]
    # Ids with gaps: every seventh is skipped; the added tokens stand in the vocabulary, where gaps can be.
    vocab = sorted(document["model"]["vocab"].items(), key=lambda item: item[1])
    document["model"]["vocab"] = {token: index + index // 7 for index, (token, _) in enumerate(vocab)}
    base = max(document["model"]["vocab"].values()) + 11
    document["added_tokens"] = []
    for index, token in enumerate(added):
        document["model"]["vocab"][token.content] = base + 2 * index
        document["added_tokens"].append({"id": base + 2 * index, "content": token.content, "single_word": token.single_word, "lstrip": token.lstrip,
                                         "rstrip": token.rstrip, "normalized": token.normalized, "special": token.special})
    # Merges as lines, in the older form.
    document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    document["post_processor"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def ranges(members):
    """Sorted numbers as pairs of first and last."""
    pairs = []
    for value in sorted(members):
        if pairs and pairs[-1][1] == value - 1:
            pairs[-1][1] = value
        else:
            pairs.append([value, value])
    return pairs


def classes():
    """What the two regular expression engines of the library take for letters, numbers, white space, words."""
    scalars = [value for value in range(0x110000) if not 0xD800 <= value < 0xE000]
    found = {}
    for name, pattern in (("letter", r"\p{L}"), ("number", r"\p{N}"), ("space", r"\s")):
        split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
        found[name] = ranges(ord(c) for at in range(0, len(scalars), 4096)
                             for piece, _ in split.pre_tokenize_str("".join(map(chr, scalars[at:at + 4096]))) for c in piece)
    # Word characters are seen only through a token that matches whole words: one that follows does not count.
    probe = Tokenizer(models.BPE(vocab={"@": 0, "<mask>": 1}, merges=[]))
    probe.add_tokens([AddedToken("<mask>", single_word=True, normalized=False)])
    encodings = probe.encode_batch([chr(value) + "<mask>" for value in scalars])
    found["word"] = ranges(value for value, encoding in zip(scalars, encodings) if 1 not in encoding.ids)
    return found


def conversations():
    """Messages, tools and options; every branch of the template."""
    tool = {"type": "function", "function": {"name": "get_weather", "description": "天气 \"now\" é \u2028 \x7f", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3, "maximum": 1e16}}, "required": ["city"]}}}
    odd = {"z": [1, -0.0, 1.5, 1e-5, 0.0001, 1e15, 123456789012345680.0, 1e22, 1.7976931348623157e308, 5e-324, 12345678901234567890123, True, None, [], {}], "a": "\b\f\n\r\t\x00\x1f\\/<>&'"}
    call = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": "北京", "days": 2, "x": 0.1}}}
    user, assistant = lambda t: {"role": "user", "content": t}, lambda t, **k: {"role": "assistant", "content": t, **k}
    system, result = lambda t: {"role": "system", "content": t}, lambda t: {"role": "tool", "content": t}
    rows = [
        ([user("Hello")], None), ([system("Be brief."), user("你好")], None), ([system(""), user("")], None),
        ([user("a"), assistant("b"), user("c"), assistant("d")], None), ([user("a"), system("later"), user("b")], None),
        ([system("s"), user("u")], [tool]), ([user("u")], [tool, odd]), ([user("u")], []),
        ([user("a"), assistant("<think>\nold\n</think>\n\nb"), user("c"), assistant("<think>\nnew\n</think>\n\nd")], None),
        ([user("a"), assistant("b", reasoning_content="\n\nwhy\n"), user("c"), assistant("\n\nd", reasoning_content="\n\nbecause\n")], None),
        ([user("a"), assistant("d", reasoning_content="")], None), ([user("a"), assistant("<think>x</think>d", reasoning_content="")], None),
        ([user("a"), assistant("no open</think>\n\nd")], None), ([user("a"), assistant("<think>1<think>2</think>3</think>\n4")], None),
        ([user("a"), assistant("x</think>")], None), ([user("a"), assistant("</think>x")], None), ([user("a"), assistant("<think>\n\n</think>\n\nx")], None),
        ([user("w?"), assistant("", tool_calls=[call])], [tool]), ([user("w?"), assistant("Let me see.", tool_calls=[call, call]), result("sunny"), result("rain"), assistant("Mixed.")], [tool]),
        ([user("w?"), assistant(None, tool_calls=[{"name": "f", "arguments": "{\"raw\":  1}"}, {"name": "g", "arguments": odd}]), result("r\n"), user("thanks")], None),
        ([user("a"), assistant("<think>\nt\n</think>\n\n", tool_calls=[call]), result("1"), assistant("<think>\nu\n</think>\n\nend")], None),
        ([user("a"), assistant("t", reasoning_content="r1", tool_calls=[call]), user("<tool_response>\nx\n</tool_response>"), assistant("e", reasoning_content="r2")], None),
        ([user("<tool_response>x</tool_response>"), assistant("e", reasoning_content="lost")], None), ([assistant("alone", reasoning_content="r")], None),
        ([result("first"), user("x")], None), ([user("x"), {"role": "other", "content": "nothing"}, user("y")], None), ([user("x"), result(None)], None),
        ([user("x"), {"role": "assistant"}], None), ([user("x"), {"role": "tool", "content": [{"type": "text", "text": "t"}]}], None),
        ([user("e\u0301\r\n"), assistant("x\r\n</think>\r\n\n y")], None), ([user("a"), assistant("b\n\n")], None), ([user(" <role>SYSTEM</role> ")], None),
        ([user("a"), assistant("", tool_calls=[{"function": {}, "name": "n", "arguments": None}])], None), ([user("a"), assistant("", tool_calls=[{"name": "n", "arguments": [1, "二"]}])], None),
    ]
    return rows


def renderings(fixtures):
    """Every conversation through transformers, with and without a generation prompt, for both first lines."""
    folder = fixtures / "checkpoints/ling-tiny-icd"
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    off = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    cases = []
    for messages, tools in conversations():
        for thinking in ("off", "on"):
            template = off.replace("{% set thinking_option = 'off' %}", "{% set thinking_option = '" + thinking + "' %}")
            for prompt in (False, True):
                text = tokenizer.apply_chat_template(messages, tools=tools, chat_template=template, tokenize=False, add_generation_prompt=prompt)
                cases.append({"messages": messages, "tools": tools or [], "thinking": thinking, "prompt": prompt, "text": text})
    return cases


def both_ways(tokenizer, text):
    """Ids with special tokens found, and with special tokens as plain text where that differs."""
    tokenizer.encode_special_tokens = False
    found = tokenizer.encode(text).ids
    tokenizer.encode_special_tokens = True
    plain = tokenizer.encode(text).ids
    tokenizer.encode_special_tokens = False
    return [text, found] if plain == found else [text, found, plain]


def load(fixtures):
    return {"ling-tiny-icd": Tokenizer.from_file(str(fixtures / "checkpoints/ling-tiny-icd/tokenizer.json")),
            "synthetic": Tokenizer.from_file(str(fixtures / "vectors/tokenisation/synthetic.json"))}


def stream(fixtures, count, path):
    """Many random texts: length and bytes of the text, then for each tokeniser the count and the ids."""
    rng, both = random.Random(SEED + 1), load(fixtures)
    with open(path, "wb") as file:
        for at in range(0, count, 2000):
            texts = [random_text(rng, rng.choice((1, 2, 3, 5, 8, 13, 30))) for _ in range(min(2000, count - at))]
            columns = [[e.ids for e in both[name].encode_batch(texts)] for name in NAMES]
            for index, text in enumerate(texts):
                data = text.encode()
                file.write(struct.pack("<I", len(data)) + data)
                for column in columns:
                    file.write(struct.pack(f"<I{len(column[index])}I", len(column[index]), *column[index]))


def main():
    fixtures = Path(sys.argv[1])
    out = fixtures / "vectors/tokenisation"
    if "--stream" in sys.argv:
        return stream(fixtures, int(sys.argv[3]), sys.argv[4])
    out.mkdir(parents=True, exist_ok=True)
    write = lambda name, value: (out / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    synthetic(out / "synthetic.json", fixtures)
    write("classes.json", classes())
    rng = random.Random(SEED + 2)
    texts = hand_written() + [random_text(rng, rng.choice((1, 2, 3, 5, 8, 20))) for _ in range(1500)]
    texts += [" ".join(rng.choices(WORDS, k=60)) for _ in range(20)]
    encode, decode = {}, {}
    for name, tokenizer in load(fixtures).items():
        encode[name] = [both_ways(tokenizer, text) for text in texts]
        bound = max(tokenizer.get_vocab().values()) + 20
        rows = [[rng.randrange(bound) for _ in range(rng.choice((0, 1, 2, 3, 5, 9, 30)))] for _ in range(600)]
        # Single bytes above ASCII, so that broken characters of every kind arise.
        singles = [tokenizer.token_to_id(c) for c in pre_tokenizers.ByteLevel.alphabet() if ord(c) > 0x7E]
        rows += [[rng.choice(singles) for _ in range(rng.choice((1, 2, 3, 4, 6, 12)))] for _ in range(600)]
        decode[name] = [[row, tokenizer.decode(row, skip_special_tokens=False), tokenizer.decode(row, skip_special_tokens=True)] for row in rows]
        decode[name] = [row[:2] if row[1] == row[2] else row for row in decode[name]]
    write("encode.json", encode)
    write("decode.json", decode)
    write("chat.json", renderings(fixtures))
    versions = {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__, "jinja2": jinja2.__version__, "python": platform.python_version()}
    note = {"what": f"{len(texts)} texts and {sum(map(len, decode.values()))} rows of ids through two tokenisers, character classes of all scalars, "
                    f"{4 * len(conversations())} chat renderings", "generator": "Fixtures/generators/tokenisation_vectors.py", "seed": SEED, "date": DATE, "versions": versions}
    (out / "note.json").write_text(json.dumps(note, indent=2) + "\n")


main()
