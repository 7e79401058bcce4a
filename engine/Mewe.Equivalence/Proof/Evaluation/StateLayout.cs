using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Evaluation;

/// <summary>Where the visible state keeps what: mutable globals, then memories, then their sizes in pages.</summary>
internal sealed class StateLayout
{
    private readonly int[] globals;
    private readonly uint[] mutable;

    public StateLayout(ModuleFacts module)
    {
        globals = new int[module.Globals.Length];
        var count = 0;
        for (var i = 0; i < globals.Length; i++)
        {
            globals[i] = module.Globals[i].Mutable ? count++ : -1;
        }

        mutable = [.. Enumerable.Range(0, globals.Length).Where(i => globals[i] >= 0).Select(i => (uint)i)];
        (GlobalCount, MemoryCount) = (count, module.Memories.Length);
        GlobalTypes = [.. module.Globals.Where(global => global.Mutable).Select(global => global.Value)];
    }

    public int GlobalCount { get; }

    public int MemoryCount { get; }

    public ValueType[] GlobalTypes { get; }

    public int Count => GlobalCount + (2 * MemoryCount);

    /// <summary>-1 for an immutable global.</summary>
    public int GlobalSlot(uint global) => globals[(int)global];

    /// <summary>The global of a slot below <see cref="GlobalCount"/>.</summary>
    public uint GlobalAt(int slot) => mutable[slot];

    public int MemorySlot(uint memory) => GlobalCount + (int)memory;

    public int SizeSlot(uint memory) => GlobalCount + MemoryCount + (int)memory;
}
