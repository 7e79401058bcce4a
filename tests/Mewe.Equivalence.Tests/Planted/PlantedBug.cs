using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A rewrite that is wrong in one of the known ways (soundness.md), applied to real functions.</summary>
internal abstract class PlantedBug
{
    /// <summary>The number in the list of soundness.md; 0 for mistakes that are too plain to be on it.</summary>
    public abstract int Number { get; }

    public string Name => GetType().Name;

    /// <summary>Every body that this mistake makes of the function, one instance at a time.</summary>
    public abstract IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module);

    /// <summary>The code with instructions [at, at + count) replaced.</summary>
    protected static FunctionCode Replace(FunctionCode code, int at, int count, params ReadOnlySpan<Instruction> by) =>
        new(code.Locals, [.. code.Instructions.AsSpan(0, at), .. by, .. code.Instructions.AsSpan()[(at + count)..]]);

    /// <summary>The same with more locals, whose indices start at <see cref="FirstNewLocal"/>.</summary>
    protected static FunctionCode WithLocals(FunctionCode code, params ReadOnlySpan<ValueType> locals) =>
        new([.. code.Locals, .. FunctionCode.Group(locals.ToArray())], code.Instructions);

    protected static uint FirstNewLocal(FunctionCode code, FunctionType type) => (uint)(type.Parameters.Length + code.LocalCount);

    protected static IEnumerable<int> Positions(FunctionCode code, Func<Instruction, bool> where) =>
        Enumerable.Range(0, code.Instructions.Length).Where(i => where(code.Instructions[i]));

    protected static Instruction Op(Opcode opcode) => Instruction.Of(opcode);

    /// <summary>The position behind the end that closes the block opened at <paramref name="opener"/>.</summary>
    protected static int Behind(ImmutableArray<Instruction> code, int opener)
    {
        var depth = 0;
        for (var i = opener; ; i++)
        {
            depth += code[i].OpensBlock ? 1 : code[i].Opcode == Opcode.End ? -1 : 0;
            if (depth == 0)
            {
                return i + 1;
            }
        }
    }
}
