using System.Collections.Immutable;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify;

/// <summary>
/// How a candidate comes by the blind word: while it is composed, the function has one more parameter, an i64 that nobody knows anything of, which is exactly what transforms may assume of it. At the end
/// the parameter becomes the first local behind the others, which keeps all indices, and the body starts with an entry that reads the word into it.
/// </summary>
/// <remarks>
/// The entry steps the word for the next blinded call: turned by some bits, and an odd number is added, both the candidate's own. That is a bijection, so a word that was uniform stays it, whichever
/// variants step it; it is no secret from who sees some of the words. It is the cheapest of those measured in V8 (0.1 to 0.3 ns, with a multiplication 0.9 ns: calls in a row wait for each other through
/// the global), and numbers of 32 bits fit into the machine's instructions.
/// </remarks>
internal static class Blinding
{
    /// <summary>The function with the blind word as its last parameter.</summary>
    public static FunctionInput WithWord(FunctionInput function)
    {
        var word = (uint)function.Type.Parameters.Length;
        var instructions = function.Code.Instructions.ToBuilder();
        for (var i = 0; i < instructions.Count; i++)
        {
            if (instructions[i].Info.Immediate == ImmediateKind.Local && instructions[i].Index >= word)
            {
                instructions[i] = instructions[i].WithIndex(instructions[i].Index + 1);
            }
        }

        return function with
        {
            Type = FunctionType.Of([.. function.Type.Parameters, ValueType.I64], function.Type.Results.AsSpan()),
            Code = new FunctionCode(function.Code.Locals, instructions.DrainToImmutable()),
            BlindLocal = word,
        };
    }

    /// <summary>What a blinded body starts with.</summary>
    public static ImmutableArray<Instruction> Entry(uint word, SeededRandom random) =>
    [
        Instruction.Of(Opcode.GlobalGet, VariantCode.BlindGlobal),
        Instruction.LocalTee(word),
        Instruction.I64Const(random.Between(8, 56)),
        Instruction.Of(Opcode.I64Rotl),
        Instruction.I64Const((long)(random.NextBits() >> 33) | 1),
        Instruction.Of(Opcode.I64Add),
        Instruction.Of(Opcode.GlobalSet, VariantCode.BlindGlobal),
    ];
}
