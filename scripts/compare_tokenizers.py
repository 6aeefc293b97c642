"""Compares Tiller's tokenizers with transformers'.

    python scripts/compare_tokenizers.py [--seed 0] [--texts 200] FOLDER...
    python scripts/compare_tokenizers.py [--seed 0] [--texts 60] --random 50

FOLDER holds tokenizer files; --random makes that many folders, of random parts, flags and file ages.
Compared are ids with and without special tokens, decoded texts with and without skipping, the ids of
the special tokens, the size, and where there is a chat template the texts of some conversations. What Tiller refuses is listed with its reason; the exit code is 1
where anything else differs. Needs transformers, and Node in the repository's root.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

if __name__ == "__main__" and {"-h", "--help"} & set(sys.argv):
    sys.exit(print(__doc__))

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["RUST_BACKTRACE"] = "0"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
warnings.filterwarnings("ignore")
from transformers import AutoTokenizer  # noqa: E402

root = pathlib.Path(__file__).resolve().parents[1]
ALPHABETS = [
    "abcdefghij ABC  \n.,'", "áéíßñøæœ žščř İıǅ", "0123456789 .,-+e½²Ⅷ٣", "\x01\x1b\x7f\x80\x85\xa0\u2028 a\t\r\n", "日本語中文한국어 。、",
    "🙂👍🏽❤️\u200d🇫🇷 a", "<>|[]/_{}▁<s></s>\\ $^*", "\u0301\u0308\u200b\u200d\ufeff\u00adaeo ", "مرحباשלוםहिन्दीไทย ", "ΣΑΣ ςσ Ǆ ﬁ Å ſ K ",
]
WORDS = ["'s", "'LL", "don't", " the", "\n\n", "   ", " .", " ,", " do not", "Hello", "world", "\t", "a_b", "x1", "\u00a0"]

turn = lambda role, content: {"role": role, "content": content}
SYSTEM, QUESTION, ANSWER, MORE = turn("system", " Be brief. "), turn("user", "Why?\n"), turn("assistant", "<think>\nHm.\n</think>\n\nSo.  "), turn("user", " And 2?")
CONVERSATIONS = [[QUESTION], [SYSTEM, QUESTION], [QUESTION, ANSWER, MORE], [SYSTEM, QUESTION, ANSWER, MORE, ANSWER, QUESTION]]
VARIABLES = [("enable_thinking", False), ("date_string", "1 May 2020"), ("tools", [{"type": "function", "function": {"name": "f", "description": "é"}}])]


def chats_for(tokenizer):
    """Conversations with variables that the template reads, and their texts; None where it refuses."""
    if not isinstance(tokenizer.chat_template, str):
        return []
    read = [{name: value} for name, value in VARIABLES if name in tokenizer.chat_template]
    asked = [(messages, given) for given in [{}, *read] for messages in CONVERSATIONS]
    render = lambda messages, given: tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **given)
    return [({"messages": messages, "given": given}, attempt(lambda: render(messages, given))) for messages, given in asked]


def texts_for(tokenizer, count, rng):
    added = [token.content for token in tokenizer.added_tokens_decoder.values()]
    if len(added) > 40:
        added = rng.sample(added, 40)
    pieces = WORDS + added * 2 + [t.lower() for t in added[:4]] + [t.strip() for t in added[:4]]
    out = ["", " ", "  ", "\n", " a", "a ", "Hello world, how's it?"]
    for _ in range(count):
        letters = rng.choice(ALPHABETS)
        share = rng.choice([0.05, 0.3, 0.7])
        out.append("".join(rng.choice(pieces) if rng.random() < share else rng.choice(letters) for _ in range(rng.randint(1, 24))))
    return out


def attempt(run):
    """The result, or None where transformers fails: a Rust panic is no Exception."""
    try:
        return run()
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None


def reference(folder, count, rng):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encode = lambda text: (text, tokenizer(text, add_special_tokens=False).input_ids, tokenizer(text).input_ids)
    encoded = [row for row in (attempt(lambda: encode(text)) for text in texts_for(tokenizer, count, rng)) if row]
    texts, plain, special = ([row[i] for row in encoded] for i in range(3))
    size = max(tokenizer.get_vocab().values(), default=-1) + 1
    some = plain + [[rng.randrange(max(1, size)) for _ in range(rng.randint(1, 12))] for _ in range(count)]
    decode = lambda row: (row, tokenizer.decode(row, skip_special_tokens=False), tokenizer.decode(row, skip_special_tokens=True))
    decoded = [row for row in (attempt(lambda: decode(row)) for row in some) if row]
    chats = chats_for(tokenizer)
    return {
        **({"conversations": [asked for asked, _ in chats], "chats": [text for _, text in chats]} if chats else {}),
        "texts": texts, "plain": plain, "special": special,
        "ids": [row[0] for row in decoded], "decoded": [row[1] for row in decoded], "skipping": [row[2] for row in decoded],
        "bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id, "size": size,
    }


def ask(requests):
    with tempfile.TemporaryDirectory() as scratch:
        question, answer = (os.path.join(scratch, name) for name in ("question.json", "answer.json"))
        pathlib.Path(question).write_text(json.dumps(requests))
        subprocess.run(["node", "-r", "ts-node/register", "scripts/tokenize.ts", question, answer], cwd=root, check=True)
        return json.loads(pathlib.Path(answer).read_text())


def differences(right, got):
    """Lines about what differs, and the reasons of what was refused."""
    lines, refused = [], set()
    for key in ("bos", "eos", "pad", "size"):
        if right[key] != got[key] and not (key == "pad" and right[key] is None):
            lines.append(f"{key}: right {right[key]}, got {got[key]}")
    asked = {"plain": "texts", "special": "texts", "decoded": "ids", "skipping": "ids", "chats": "conversations"}
    for key, source in asked.items():
        for i, (a, b) in enumerate(zip(right.get(key, []), got[key], strict=True)):
            if isinstance(b, dict) and "refused" in b:
                if not (key == "chats" and a is None):
                    refused.add(b["refused"])
            elif a != b:
                about = right[source][i]
                lines.append(f"{key} of {about!r}: right {a!r}, got {b!r}")
    return lines, refused


def in_process(run, seconds=20):
    """The result of `run` in a process of its own, which is ended when it hangs: the Rust library may."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def target():
        try:
            theirs.send((True, run()))
        except Exception as error:
            theirs.send((False, f"{type(error).__name__}: {str(error)[:160]}"))

    process = context.Process(target=target)
    process.start()
    answer = ours.recv() if ours.poll(seconds) else (False, f"nothing within {seconds} s")
    process.kill()
    process.join()
    return answer


def compare(folders, count, seed):
    """`folders` are paths, or functions that make one."""
    rows = []
    for folder in folders:
        def work():
            path = folder() if callable(folder) else folder
            return path, reference(path, count, random.Random(f"{seed} {path.name}"))

        works, result = in_process(work, 20 + count)
        if works:
            rows.append(result)
        else:
            print(f"{getattr(folder, 'name', 'a random folder')}: transformers can't open it: {result}")
    answers = ask([{"dir": str(folder), "texts": right["texts"], "ids": right["ids"], "chats": right.get("conversations", [])} for folder, right in rows])
    bad = 0
    for (folder, right), got in zip(rows, answers, strict=True):
        if "refused" in got:
            print(f"{folder}: refused: {got['refused']}")
            continue
        if "crashed" in got:
            print(f"{folder}: CRASHED: {got['crashed']}")
            bad += 1
            continue
        lines, refused = differences(right, got)
        bad += bool(lines)
        print(f"{folder}: {len(right['texts'])} texts, " + (f"{len(lines)} DIFFERENCES" if lines else "equal"))
        for line in lines[:4] + [f"refused: {reason}" for reason in refused]:
            print(f"    {line}")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--keep", help="where random folders are left")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = [pathlib.Path(folder).resolve() for folder in options.folders]
        if options.random:
            from random_tokenizers import make_folder

            place = pathlib.Path(options.keep or scratch).resolve()
            for name in (f"{options.seed}-{i}" for i in range(options.random)):
                folders.append(lambda name=name: make_folder(place / name, random.Random(name)))
        sys.exit(1 if compare(folders, options.texts, options.seed) else 0)


if __name__ == "__main__":
    main()
