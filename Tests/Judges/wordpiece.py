"""Lines of text and what the `tokenizers` package makes of them: `wordpiece.py <folder>` writes cases.json there.

The vocabulary holds every character that is left after normalising, alone and within words, so that no difference hides behind [UNK].
"""

import json
import pathlib
import random
import sys
import unicodedata

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "of", "un", "believ", "token", "izer", "run", "ning", "##able", "##ing", "##s", "##ly", "cafe", "naive", "東京", "##ß", "i"]
ODD = (
    list("ÀÉÎõüñçŁøßİıſﬁΣςЙйЁёїŐẞǅａＡ")
    + list("東京都日本語漢字𠀀豈〇ひらカﾊパ한국어각")
    + list("नमस्तेกำनิ்עִבְרִיתالعَرَبِيَّة")
    + list("\u0300\u0301\u0327\u0345\u20dd\u0903\u302a\u302e\ufe0f\u200d\u200b\u200e\u00ad\u2060\ufeff\ufffd\u0000\u0007\u001f\u007f\u0085\u009f")
    + list(" \t\n\r\u000b\u000c\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000")
    + list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»“”‘’–—…‰†•‿⁀、。「」〜・٪؟।๏")
    + list("😀👩🏽🇩🇪®™€£¥§°±×÷√∞≠½²³Ⅷ①℃Å\ue000\U000f0000\U0001d400\U0001f9ff")
)


def lines(random):
    result = [
        "", " ", "Hello, World!", "[CLS] within [SEP] a [MASK]ed text[UNK][PAD]", "[cls] [ MASK] [[SEP]]", "a" * 100, "a" * 101, "é" * 100, "é" * 101,
        "x" * 99 + "é", "unbelievable tokenizers running", "I\u0307stanbul İSTANBUL ısı", "e\u0301\u0327 e\u0327\u0301 \u0301 a\u0301\u200db",
        "don't can't e.g. 3.14 1,000 C++ a_b #tag @you", "東京 tower東京tower", "\u1100\u1161\u11a8 각", "ﬁne ﬀ ㎏ ①",
    ]
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    for _ in range(2000):
        parts = []
        for _ in range(random.randint(1, 8)):
            kind = random.random()
            if kind < 0.4:
                parts.append("".join(random.choice(letters) for _ in range(random.randint(1, 9))))
            elif kind < 0.6:
                parts.append("".join(w.removeprefix("##") for w in random.choices(WORDS, k=random.randint(1, 3))))
            elif kind < 0.95:
                parts.append("".join(random.choice(ODD + list(letters[:10])) for _ in range(random.randint(1, 8))))
            else:
                parts.append(random.choice(SPECIAL))
        result.append(random.choice(["", " ", "  "]).join(parts))
    return result


def every_character():
    """Each assigned character between two letters, but for most of the ideographs, syllables and private ones, which are alike."""
    alike = [(0x3400, 0x4DB0), (0x4E10, 0x9FF0), (0xAC10, 0xD790), (0xD800, 0xF8F0), (0x17000, 0x18CFF), (0x20010, 0x3FFFF), (0xF0010, 0x10FFF0)]
    found = [
        chr(c) for c in range(1, 0x110000)
        if not any(low <= c <= high for low, high in alike) and unicodedata.category(chr(c)) not in ("Cn", "Cs")
    ]
    return [c for c in found if is_agreed(c)]


def is_agreed(c):
    """Whether the package takes a character for what Unicode says it is. Its tables are older: some hundred marks and punctuation signs that came
    later are letters to it."""
    options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    category = unicodedata.category(c)
    kept = normalizers.BertNormalizer(**{**options, "clean_text": True}).normalize_str(c) != ""
    stripped = normalizers.BertNormalizer(**{**options, "strip_accents": True}).normalize_str(c)
    if c == "\U0001171e":
        return False  # no longer a mark that takes no room, since Unicode 16
    marks = "".join(part for part in unicodedata.normalize("NFD", c) if unicodedata.category(part) != "Mn")
    parts = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(f"a{c}b")
    is_blank = category in ("Zs", "Zl", "Zp") or 9 <= ord(c) <= 13 or c == "\u0085"
    is_punctuation = category[0] == "P" or "!" <= c <= "~" and not c.isalnum()
    is_control = (category in ("Cc", "Cf", "Co") and c not in "\t\n\r") or c == "\ufffd"
    return kept != is_control and stripped == marks and len(parts) == (2 if is_blank else 3 if is_punctuation else 1)


def tokenizer(vocabulary, lowercase, accents):
    result = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]", max_input_chars_per_word=100))
    result.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=accents)
    result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    result.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    result.add_special_tokens(SPECIAL)
    return result


def main(folder):
    texts = lines(random.Random(7))
    characters = every_character()
    assert len(characters) > 32000, len(characters)
    texts += [" ".join(f"a{c}b" for c in characters[i:i + 40]) for i in range(0, len(characters), 40)]
    cases = []
    for lowercase, accents in [(True, None), (False, None), (False, True), (True, False)]:
        normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=accents)
        left = sorted({c for text in texts for c in normalizer.normalize_str(text)} | set("abcdefghijklmnopqrstuvwxyz"))
        vocabulary = SPECIAL + list(dict.fromkeys(WORDS + [piece for c in left if c.strip() for piece in (c, "##" + c)]))
        judge = tokenizer(vocabulary, lowercase, accents)
        ids = [e.ids for e in judge.encode_batch(texts)]
        judge.enable_truncation(12)
        short = [e.ids for e in judge.encode_batch(texts[:300])]
        cases.append({"lowercases": lowercase, "stripsAccents": accents, "vocabulary": vocabulary, "texts": texts, "ids": ids, "short": short})
    (pathlib.Path(folder) / "cases.json").write_text(json.dumps(cases))


main(sys.argv[1])
