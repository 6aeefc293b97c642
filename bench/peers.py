"""Tiller against Hugging Face transformers, on the same checkpoints with the same batches.

    python bench/peers.py                      # both models, batches of 1, 8, 32
    python bench/peers.py gpt2 --repeats 5 --backend tensorflow

Needs torch and transformers, and Tiller's backend set up. Both sides stay loaded and take turns
(A B A B ...); one waits while the other works. transformers runs in float32 with its cache, by a
plain loop of forward passes and argmax, which is faster than its generate(). Ratios are Tiller's
tokens per second over transformers', the median over the pairs, with the least and the greatest.
"""
import argparse
import json
import os
import statistics
import subprocess
import time


def read_words():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=["gpt2", "gemma-2-2b-4layers"])
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batches", default="1,8,32")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


# Before what it takes seconds to import, and --help does not need.
OPTIONS = read_words() if __name__ == "__main__" else None

import torch
from transformers import AutoModelForCausalLM

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PROMPT = 128


class Tiller:
    """bench.ts in a process of its own, asked line by line."""

    def __init__(self, model, backend, dtype):
        command = ["npx", "ts-node", "bench/bench.ts", "--serve", "--models", model]
        command += ["--backend", backend, "--dtype", dtype]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **pipes)
        while self.process.stdout.readline().strip() != "ready":
            if self.process.poll() is not None:
                raise SystemExit("bench.ts did not start: " + " ".join(command))

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Transformers:
    def __init__(self, model):
        folder = os.path.join(ROOT, "bench", ".models", model)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def prompts(self, batch, prompt):
        return torch.randint(0, self.model.config.vocab_size, (batch, prompt))

    @torch.inference_mode()
    def ask(self, batch, tokens, prompt=PROMPT):
        ids = self.prompts(batch, prompt)
        begin = time.perf_counter()
        out = self.model(ids, use_cache=True, logits_to_keep=1)
        best = out.logits[:, -1].argmax(-1, keepdim=True)
        first = time.perf_counter()
        for _ in range(tokens):
            out = self.model(best, past_key_values=out.past_key_values, use_cache=True)
            best = out.logits[:, -1].argmax(-1, keepdim=True)
        return {"prefill": first - begin, "decode": time.perf_counter() - first}

    @torch.inference_mode()
    def uncached(self, tokens, prompt=PROMPT):
        """The original's loop: one row, the whole text again for every token."""
        ids = self.prompts(1, prompt)
        begin = time.perf_counter()
        for _ in range(tokens):
            logits = self.model(ids, use_cache=False, logits_to_keep=1).logits
            ids = torch.cat([ids, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
        return (time.perf_counter() - begin) / tokens


def spread(values):
    return f"{statistics.median(values):6.2f} ({min(values):.2f}-{max(values):.2f})"


def main(options):
    torch.set_num_threads(os.cpu_count())
    print(f"tokens/s: Tiller ({options.backend}, {options.dtype}), transformers (torch {torch.__version__}); ratio")
    for name in options.models:
        ours, theirs = Tiller(name, options.backend, options.dtype), Transformers(name)
        for batch in map(int, options.batches.split(",")):
            request = dict(batch=batch, tokens=options.tokens)
            pairs = []
            for _ in range(options.repeats + 1):
                pairs.append((ours.ask(**request), theirs.ask(**request)))
            for what, count in (("prefill", batch * PROMPT), ("decode", batch * options.tokens)):
                a, b = ([count / side[what] for side in pair] for pair in zip(*pairs[1:]))
                ratios = [x / y for x, y in zip(a, b)]
                rates = f"{statistics.median(a):9.1f} {statistics.median(b):9.1f}"
                print(f"{name:20} {what:8} batch {batch:3} {rates}   {spread(ratios)}", flush=True)
        steps = min(8, options.tokens)
        decode = ours.ask(batch=1, tokens=options.tokens)["decode"] / options.tokens
        loop = theirs.uncached(steps)
        print(f"{name:20} the original's uncached loop, batch 1: {1 / loop:.1f} tokens/s; ours {1 / decode:.1f}", flush=True)
        ours.close()


if __name__ == "__main__":
    main(OPTIONS)
