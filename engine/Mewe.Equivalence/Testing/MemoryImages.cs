using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// The contents that memories may start a run with: as data segments make them, and as recorded. Only what is not zero is carried, and beyond the budget only
/// what surrounds addresses that the function names. The harness changes from one to the other when the input asks for it, which inputs do in two blocks.
/// </summary>
internal sealed class MemoryImages
{
    private const int Window = 4096;

    private readonly IReadOnlyList<MemorySlice>[] slices;

    private MemoryImages(params IReadOnlyList<MemorySlice>[] slices) => this.slices = slices;

    public static MemoryImages Of(OriginalModule original, FunctionCode code, ReadOnlyMemory<byte> recorded, int budget)
    {
        var initial = Limit(original.Slices, code, budget);
        if (recorded.IsEmpty || original.Memories.IsEmpty)
        {
            return new MemoryImages(initial);
        }

        var usable = recorded[..(int)Math.Min((ulong)recorded.Length, original.Bytes(0))];
        return new MemoryImages(initial, Limit([.. NonZero(usable), .. original.Slices.Where(slice => slice.Memory != 0)], code, budget));
    }

    /// <summary>Emits: where the input's image is not in place, clear what another put there and put it there.</summary>
    public void Select(HarnessModule module, HarnessMemories memories, CodeBuilder code, HarnessState state, uint bookkeeping)
    {
        if (memories.Count == 0)
        {
            return;
        }

        code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.ImageAt).Global(state.Image).Op(I32Ne).If();
        if (slices.Length > 1)
        {
            Clear(memories, code, state);
        }

        code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.ImageAt).SetGlobal(state.Image);
        for (var image = 0; image < slices.Length; image++)
        {
            code.Global(state.Image).I32(image).Op(I32Eq).If();
            foreach (var slice in slices[image])
            {
                _ = memories.Is64(slice.Memory) ? code.I64(slice.Address) : code.I32((int)slice.Address);
                code.I32(0).I32(slice.Bytes.Length).Add(Instruction.Of(MemoryInit, module.AddData(slice.Bytes), slice.Memory));
            }

            code.End();
        }

        code.End();
    }

    /// <summary>Emits: where an image is in place, clear what it put there. All that is in the memories is that, since runs have been undone.</summary>
    public void Clear(HarnessMemories memories, CodeBuilder code, HarnessState state)
    {
        for (var image = 0; image < slices.Length && memories.Count > 0; image++)
        {
            code.Global(state.Image).I32(image).Op(I32Eq).If();
            foreach (var slice in slices[image])
            {
                _ = memories.Is64(slice.Memory) ? code.I64(slice.Address).I32(0).I64(slice.Bytes.Length) : code.I32((int)slice.Address).I32(0).I32(slice.Bytes.Length);
                code.Add(Instruction.Of(MemoryFill, slice.Memory));
            }

            code.End();
        }
    }

    private static IReadOnlyList<MemorySlice> Limit(IReadOnlyList<MemorySlice> all, FunctionCode code, int budget)
    {
        if (all.Sum(slice => (long)slice.Bytes.Length) <= budget)
        {
            return all;
        }

        var named = new SortedSet<ulong>();
        foreach (ref readonly var instruction in code.Instructions.AsSpan())
        {
            if (instruction.Opcode is I32Const or I64Const || instruction.Info.Immediate is ImmediateKind.Memory or ImmediateKind.MemoryLane)
            {
                named.Add(instruction.Bits / Window);
            }
        }

        var kept = new List<MemorySlice>();
        foreach (var slice in all)
        {
            var first = slice.Address / Window;
            var last = (slice.Address + (ulong)slice.Bytes.Length) / Window;
            for (var window = first; window <= last && budget > 0; window++)
            {
                if (!named.Contains(window) && (window == 0 || !named.Contains(window - 1)))
                {
                    continue;
                }

                var start = Math.Max(window * Window, slice.Address);
                var end = Math.Min((window + 1) * Window, slice.Address + (ulong)slice.Bytes.Length);
                if (end > start)
                {
                    kept.Add(new MemorySlice(slice.Memory, start, slice.Bytes.Slice((int)(start - slice.Address), (int)(end - start))));
                    budget -= (int)(end - start);
                }
            }
        }

        return kept;
    }

    // Runs of bytes that are not zero; gaps of less than a cache line are not worth a slice of their own.
    private static IEnumerable<MemorySlice> NonZero(ReadOnlyMemory<byte> memory)
    {
        const int Gap = 64;
        var at = 0;
        while (at < memory.Length)
        {
            var skipped = memory.Span[at..].IndexOfAnyExcept((byte)0);
            if (skipped < 0)
            {
                yield break;
            }

            var start = at + skipped;
            var end = start;
            while (end < memory.Length)
            {
                var zeros = memory.Span[end..].IndexOf((byte)0);
                if (zeros < 0)
                {
                    end = memory.Length;
                    break;
                }

                var next = memory.Span[(end + zeros)..].IndexOfAnyExcept((byte)0);
                if (next < 0 || next > Gap)
                {
                    end += zeros;
                    break;
                }

                end += zeros + next;
            }

            yield return new MemorySlice(0, (ulong)start, memory[start..end]);
            at = end;
        }
    }
}
