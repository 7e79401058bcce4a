using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// Puts the bodies of short straight functions in the place of calls to them: hashes, and the next random number. Engines do it for functions that they have seen run; a library is compiled before it runs.
/// </summary>
internal static class LeafInlining
{
    private const int MostInstructions = 32;

    /// <summary>Whether calls of the function can be replaced by its instructions: no control flow, and every local has been set when it is read.</summary>
    public static bool IsLeaf(FunctionType type, FunctionCode code)
    {
        if (code.Instructions.Length > MostInstructions)
        {
            return false;
        }

        var isSet = new HashSet<uint>(Enumerable.Range(0, type.Parameters.Length).Select(i => (uint)i));
        foreach (ref readonly var instruction in code.Instructions.AsSpan()[..^1])
        {
            if (instruction.Opcode is Opcode.LocalSet or Opcode.LocalTee)
            {
                isSet.Add(instruction.Index);
            }
            else if ((instruction.Opcode == Opcode.LocalGet && !isSet.Contains(instruction.Index)) || (instruction.Info.Effects & (Effects.Control | Effects.Calls)) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <param name="leaf">Type and code of a function that is a leaf, else null.</param>
    public static FunctionCode Inline(FunctionType type, FunctionCode code, Func<uint, (FunctionType Type, FunctionCode Code)?> leaf)
    {
        var locals = code.Locals.SelectMany(group => Enumerable.Repeat(group.Type, (int)group.Count)).ToList();
        var instructions = ImmutableArray.CreateBuilder<Instruction>(code.Instructions.Length);
        var places = new Dictionary<uint, uint>(); // of a leaf's locals, the same at each of its calls
        foreach (var instruction in code.Instructions)
        {
            if (instruction.Opcode != Opcode.Call || leaf(instruction.Index) is not var (calleeType, callee))
            {
                instructions.Add(instruction);
                continue;
            }

            if (!places.TryGetValue(instruction.Index, out var first))
            {
                first = (uint)(type.Parameters.Length + locals.Count);
                places.Add(instruction.Index, first);
                locals.AddRange([.. calleeType.Parameters, .. callee.Locals.SelectMany(group => Enumerable.Repeat(group.Type, (int)group.Count))]);
            }

            for (var i = calleeType.Parameters.Length - 1; i >= 0; i--)
            {
                instructions.Add(Instruction.LocalSet(first + (uint)i));
            }

            instructions.AddRange(callee.Instructions[..^1].Select(inner =>
                inner.Opcode is Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee ? inner.WithIndex(inner.Index + first) : inner));
        }

        return new FunctionCode(FunctionCode.Group(locals), instructions.ToImmutable());
    }
}
