#!/usr/bin/env python3
"""Vector files as Python writes and reads them: fixtures for the tests, and a second opinion.

    pip install numpy gguf
    python scripts/vector_files.py make            # writes test/fixtures/vectorFiles
    python scripts/vector_files.py show FILE...    # what numpy and gguf read of .npz and .gguf, as JSON
"""
import json
import pathlib
import sys

if __name__ == '__main__' and ({'-h', '--help'} & set(sys.argv) or len(sys.argv) < 2):
    sys.exit(print(__doc__))

import numpy as np

FOLDER = pathlib.Path(__file__).parent.parent / 'test' / 'fixtures' / 'vectorFiles'
LAYERS, WIDTH = 4, 6


def make():
    import gguf
    FOLDER.mkdir(exist_ok=True)
    rows = np.random.default_rng(13).standard_normal((LAYERS, WIDTH)).astype(np.float32)
    # Exact in 16 bits, so that every file holds the very same numbers.
    rows = rows.astype(np.float16).astype(np.float32)

    # As repeng writes a control vector (ControlVector.export_gguf).
    writer = gguf.GGUFWriter(FOLDER / 'repeng.gguf', 'controlvector')
    writer.add_string('controlvector.model_hint', 'mistral')
    writer.add_uint32('controlvector.layer_count', LAYERS - 1)
    for layer in range(LAYERS - 1, 0, -1):
        writer.add_tensor(f'direction.{layer}', rows[layer])
    finish(writer)

    # Every type of metadata, another alignment, every type of float.
    writer = gguf.GGUFWriter(FOLDER / 'types.gguf', 'controlvector')
    writer.add_custom_alignment(64)
    for name, value in {'uint8': 200, 'int8': -3, 'uint16': 60000, 'int16': -300, 'uint32': 4000000000,
                        'int32': -70000, 'float32': 0.5, 'uint64': 2 ** 60, 'int64': -2 ** 60,
                        'float64': 0.1, 'bool': True}.items():
        getattr(writer, f'add_{name}')(f'try.{name}', value)
    writer.add_array('try.texts', ['a', 'übrig', ''])
    writer.add_array('try.numbers', [1, -2, 3])
    writer.add_string('controlvector.model_hint', 'llama')
    for layer, dtype in ((1, np.float32), (2, np.float16), (3, np.float64)):
        writer.add_tensor(f'direction.{layer}', rows[layer].astype(dtype))
    finish(writer)

    # A model, not a control vector.
    writer = gguf.GGUFWriter(FOLDER / 'model.gguf', 'llama')
    writer.add_tensor('output.weight', rows)
    finish(writer)

    np.savez(FOLDER / 'matrix.npz', rows)
    np.savez_compressed(FOLDER / 'fortran.npz', shout=np.asfortranarray(rows.astype(np.float64)))
    np.savez_compressed(FOLDER / 'big.npz', shout=rows.astype('>f4'), whisper=(-rows).astype('>f2'))
    np.savez(FOLDER / 'layers.npz', **{f'layer_{layer}': rows[layer].astype(np.float16) for layer in (3, 1)})
    np.savez(FOLDER / 'integers.npz', shout=np.ones((2, 3), np.int64))
    np.savez(FOLDER / 'pickled.npz', shout=np.array([{}, None], dtype=object))
    (FOLDER / 'rows.json').write_text(json.dumps([[float(x) for x in row] for row in rows]) + '\n')


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def show(file):
    if file.endswith('.npz'):
        with np.load(file, allow_pickle=False) as arrays:
            return {name: {'dtype': arrays[name].dtype.str, 'values': arrays[name].tolist()} for name in arrays}
    import gguf
    reader = gguf.GGUFReader(file)
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith('GGUF.')}
    tensors = {
        tensor.name: {'dtype': tensor.tensor_type.name, 'values': tensor.data.tolist()} for tensor in reader.tensors
    }
    return {'fields': fields, 'tensors': tensors}


if __name__ == '__main__':
    command, *files = sys.argv[1:]
    if command == 'make':
        make()
    elif command == 'show':
        print(json.dumps({file: show(file) for file in files}))
    else:
        sys.exit(f'{command}: make or show')
