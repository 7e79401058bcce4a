using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Custom;

/// <summary>
/// The section <c>metadata.code.branch_hint</c> (branch hinting proposal): for each function the likely direction of branches, which it names by their byte
/// offset from the start of the function's body (its locals).
/// </summary>
internal static class BranchHints
{
    public const string SectionName = "metadata.code.branch_hint";

    /// <summary>The hints of a module whose functions have moved, or null where the bytes make no sense.</summary>
    /// <param name="moved">For a function of the module before: its index after, and its body before and after, which differ in immediates and inlined calls only.</param>
    public static byte[]? TryRewrite(ReadOnlyMemory<byte> section, Func<uint, (uint Index, FunctionBody Before, FunctionBody After, InlinedSites Inlined)?> moved)
    {
        try
        {
            return Rewrite(section.Span, moved);
        }
        catch (WasmException)
        {
            return null;
        }
    }

    private static byte[]? Rewrite(ReadOnlySpan<byte> section, Func<uint, (uint Index, FunctionBody Before, FunctionBody After, InlinedSites Inlined)?> moved)
    {
        var decoder = new BinaryDecoder(section);
        var functions = new SortedDictionary<uint, List<(uint Offset, byte[] Hint)>>();
        for (var left = decoder.Count(Limits.MaxFunctions, "functions with hints"); left > 0; left--)
        {
            var function = decoder.U32();
            var hints = new List<(uint Offset, byte[] Hint)>();
            for (var more = decoder.Count(Limits.MaxBodyBytes, "branch hints"); more > 0; more--)
            {
                var offset = decoder.U32();
                hints.Add((offset, decoder.Bytes(decoder.U32()).ToArray()));
            }

            if (moved(function) is not { } target || !functions.TryAdd(target.Index, Relocate(hints, target.Before, target.After, target.Inlined)))
            {
                return null;
            }
        }

        if (!decoder.AtEnd)
        {
            return null;
        }

        var output = new BinaryEncoder(section.Length + 64);
        output.U32((uint)functions.Count);
        foreach (var (function, hints) in functions)
        {
            output.U32(function);
            output.U32((uint)hints.Count);
            foreach (var (offset, hint) in hints)
            {
                output.U32(offset);
                output.U32((uint)hint.Length);
                output.Bytes(hint);
            }
        }

        return output.ToArray();
    }

    private static List<(uint Offset, byte[] Hint)> Relocate(List<(uint Offset, byte[] Hint)> hints, FunctionBody before, FunctionBody after, InlinedSites inlined)
    {
        if (ReferenceEquals(before, after))
        {
            return hints;
        }

        before.Decode(out var from);
        after.Decode(out var to);
        var offsets = new Dictionary<uint, uint>(from.Length);
        for (var i = 0; i < from.Length; i++)
        {
            offsets[(uint)(from[i] - before.Offset)] = (uint)(to[inlined.PositionOf(i)] - after.Offset);
        }

        return [.. hints.Where(hint => offsets.ContainsKey(hint.Offset)).Select(hint => (offsets[hint.Offset], hint.Hint))];
    }
}
