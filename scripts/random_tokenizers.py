"""Folders with tokenizers of random parts, for compare_tokenizers.py --random."""
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = """Bees make honey from the nectar of flowers, and they carry it home in a small stomach.
Hello world, how's it going? Don't you'll I've 25 of 3 and 1,234.5 a_b x1 the then them other
El agua baja de la montaña y llega al mar. Où est la forêt? Die Bäume sind grün. ΣΑΣ ςσ ﬁne ½ 日本語
""".splitlines()
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>", "<|end|>", "<|im_end|>", "[CLS]", "[SEP]"]
ADDED = ["<X>", "<|BOS|>", "<|EOS|>", "\n", "  ", "ab", "Hello", "a b", "é", "<tool>", "the", "<image>", "▁▁", "1", "Ünï"]


def random_normalizer(rng):
    one = lambda: rng.choice([
        normalizers.NFC, normalizers.NFD, normalizers.NFKC, normalizers.NFKD, normalizers.Lowercase, normalizers.StripAccents, normalizers.Strip,
        lambda: normalizers.Replace(" ", "▁"), lambda: normalizers.Replace(Regex(r"\s+"), " "), lambda: normalizers.Replace("a", "$&"),
        lambda: normalizers.Prepend("▁"), lambda: normalizers.BertNormalizer(rng.random() < 0.7, rng.random() < 0.7, rng.choice([None, True, False]), rng.random() < 0.5),
    ])()
    kind = rng.random()
    if kind < 0.3:
        return None
    if kind < 0.5:
        return normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return one() if kind < 0.8 else normalizers.Sequence([one(), one()])


def random_pre_tokenizer(rng):
    behaviors = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
    one = lambda: rng.choice([
        lambda: pre_tokenizers.Metaspace(prepend_scheme=rng.choice(["first", "always", "never"]), split=rng.random() < 0.5),
        lambda: pre_tokenizers.ByteLevel(add_prefix_space=rng.random() < 0.4, use_regex=rng.random() < 0.7),
        pre_tokenizers.Whitespace, pre_tokenizers.WhitespaceSplit, pre_tokenizers.BertPreTokenizer,
        lambda: pre_tokenizers.Punctuation(rng.choice(behaviors)), lambda: pre_tokenizers.Digits(rng.random() < 0.5),
        lambda: pre_tokenizers.Split(rng.choice([" ", "a", Regex(r"\s+(?!\S)|\s"), Regex(r"(?i:'s|'ll)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}")]), rng.choice(behaviors), rng.random() < 0.2),
        lambda: pre_tokenizers.CharDelimiterSplit(rng.choice("e, ")), lambda: pre_tokenizers.FixedLength(3),
    ])()
    kind = rng.random()
    if kind < 0.1:
        return None
    return one() if kind < 0.7 else pre_tokenizers.Sequence([one(), one()])


def random_decoder(rng):
    spm = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return rng.choice([
        None, decoders.ByteLevel(), decoders.Metaspace(prepend_scheme=rng.choice(["first", "always", "never"])), decoders.WordPiece(cleanup=rng.random() < 0.5),
        decoders.Sequence(spm), decoders.Sequence(spm + [decoders.Strip(" ", 1, 0)]), decoders.BPEDecoder(), decoders.Fuse(),
        decoders.Sequence([decoders.Strip("e", 1, 2), decoders.Replace(Regex("[ab]+"), "$1")]),
    ])


def random_model(rng, normalizer, pre_tokenizer):
    """A trained model as JSON: the trainer sees the random parts, so that its tokens occur."""
    kind = rng.choice(["BPE", "BPE", "BPE", "Unigram", "WordPiece", "WordLevel"])
    unknown = "<unk>" if kind != "BPE" or rng.random() < 0.6 else None
    affixes = {"end_of_word_suffix": rng.choice(["", "", "</w>"]), "continuing_subword_prefix": rng.choice(["", "", "", "", "##"])}
    affixes = {key: value for key, value in affixes.items() if value}
    tokenizer, trainer = {
        "BPE": lambda: (models.BPE(**({"unk_token": unknown} if unknown else {}), **affixes),
                        trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, **affixes, show_progress=False)),
        "Unigram": lambda: (models.Unigram(), trainers.UnigramTrainer(vocab_size=120, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)),
        "WordPiece": lambda: (models.WordPiece(unk_token="<unk>", max_input_chars_per_word=rng.choice([100, 12])), trainers.WordPieceTrainer(vocab_size=260, special_tokens=SPECIAL, show_progress=False)),
        "WordLevel": lambda: (models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(vocab_size=120, special_tokens=SPECIAL, show_progress=False)),
    }[kind]()
    tokenizer = Tokenizer(tokenizer)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    share = rng.choice([0, 0.5, 1, 1])
    some_bytes = [f"<0x{i:02X}>" for i in range(256) if rng.random() < share]
    if kind == "BPE":
        model.update(fuse_unk=rng.random() < 0.5, byte_fallback=rng.random() < 0.5, ignore_merges=rng.random() < 0.3)
        for token in some_bytes:
            model["vocab"].setdefault(token, len(model["vocab"]))
    if kind == "Unigram":
        model["byte_fallback"] = rng.random() < 0.5
        model["vocab"] += [[token, -20.0] for token in some_bytes]
    return model


def random_token(rng, content, special=None):
    special = rng.random() < 0.5 if special is None else special
    flags = {name: rng.random() < 0.3 for name in ("single_word", "lstrip", "rstrip")}
    return {"content": content, "normalized": rng.random() < 0.5, "special": special, **flags}


def random_files(rng, model, vocab):
    """tokenizer_config.json and what stands beside it, of one age or the other."""
    contents = SPECIAL + ADDED
    named = lambda: rng.choice(contents)
    config, files = {}, {}
    if rng.random() < 0.7:
        fitting = {"BPE": ["LlamaTokenizer", "LlamaTokenizerFast", "GPT2Tokenizer", "GemmaTokenizer", "Qwen2Tokenizer", "Qwen2TokenizerFast"], "WordPiece": ["BertTokenizer"]}
        config["tokenizer_class"] = rng.choice(["PreTrainedTokenizerFast", "TokenizersBackend", "MadeUpTokenizer", *fitting.get(model, [])])
    for name in ("bos", "eos", "unk", "pad", "mask", "image"):
        if rng.random() < 0.4:
            config[f"{name}_token"] = rng.choice([named(), None, {"__type": "AddedToken", **random_token(rng, named())}])
    for key in ("legacy", "add_prefix_space", "clean_up_tokenization_spaces", "add_bos_token", "split_special_tokens"):
        if rng.random() < (0.15 if key == "split_special_tokens" else 0.4):
            config[key] = rng.random() < 0.5
    for key in ("additional_special_tokens", "extra_special_tokens"):
        if rng.random() < 0.25:
            config[key] = [named() for _ in range(rng.randint(0, 2))]
    if rng.random() < 0.1:
        config["extra_special_tokens"] = {"boi_token": named()}
    if rng.random() < 0.5:
        listed = rng.sample(contents, rng.randint(0, 6))
        ids = [vocab.get(content, len(vocab) + rng.randint(0, 20)) for content in listed]
        config["added_tokens_decoder"] = {str(i): random_token(rng, content) for i, content in zip(ids, listed)}
    elif rng.random() < 0.8:
        special_map = {}
        for name in ("bos", "eos", "unk", "pad", "cls"):
            if rng.random() < 0.5:
                token = random_token(rng, named())
                token.pop("special")
                special_map[f"{name}_token"] = rng.choice([named(), token])
        if rng.random() < 0.4:
            special_map["additional_special_tokens"] = [named() for _ in range(2)]
        files["special_tokens_map.json"] = special_map
    if rng.random() < 0.4:
        extra = rng.sample(ADDED, rng.randint(0, 4))
        files["added_tokens.json"] = {content: len(vocab) + i for i, content in enumerate(extra)}
    if rng.random() < 0.6:
        files["config.json"] = {"model_type": rng.choice(["mistral", "phi3", "llama", "olmo2"] + (["gpt2", "gemma2", "gemma3_text", "qwen2", "qwen3"] if model == "BPE" else []))}
    if rng.random() < 0.95:
        files["tokenizer_config.json"] = config
    return files


def make_folder(folder, rng):
    normalizer, pre_tokenizer = random_normalizer(rng), random_pre_tokenizer(rng)
    model = random_model(rng, normalizer, pre_tokenizer)
    vocab = model["vocab"] if isinstance(model["vocab"], dict) else {token: i for i, (token, _) in enumerate(model["vocab"])}
    parts = Tokenizer(models.BPE())
    if normalizer is not None:
        parts.normalizer = normalizer
    if pre_tokenizer is not None:
        parts.pre_tokenizer = pre_tokenizer
    decoder = random_decoder(rng)
    if decoder is not None:
        parts.decoder = decoder
    processor = rng.choice([
        None, processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing("<s> $A", None, [("<s>", vocab["<s>"])]),
        processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]),
        processors.BertProcessing(("[SEP]", vocab["[SEP]"]), ("[CLS]", vocab["[CLS]"])),
        processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing("$A </s>", None, [("</s>", vocab["</s>"])])]),
    ])
    if processor is not None:
        parts.post_processor = processor
    data = json.loads(parts.to_str())
    data["model"] = model
    in_file = [t for t in SPECIAL if rng.random() < 0.6] + rng.sample(ADDED, rng.randint(0, 5))
    data["added_tokens"] = [{"id": vocab.get(t, len(vocab) + i), **random_token(rng, t)} for i, t in enumerate(in_file)]
    if rng.random() < 0.1:
        data["padding"] = {"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": None, "pad_id": vocab["<pad>"], "pad_type_id": 0, "pad_token": "<pad>"}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"tokenizer.json": data, **random_files(rng, model["type"], vocab)}.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False))
    return folder
