using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Memory;

/// <summary>
/// Loads in other words: the other signedness repaired by a mask or shifts, the other width of register, float bits through an integer. The same bytes at the same address are
/// read once, so it traps exactly when the original does.
/// </summary>
public sealed class LoadFormTransform : ISiteTransform
{
    public string Name => "load-form";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view) => MemoryAccess.Sites(view, Opcode.I32Load, Opcode.I64Load32U);

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var load = view[site.At];
        var output = context.Scratch();
        var random = context.Random;
        switch (load.Opcode)
        {
            case Opcode.I32Load:
                Add(output, load, random.OneIn(2) ? Opcode.I64Load32U : Opcode.I64Load32S, Opcode.I32WrapI64);
                break;
            case Opcode.F32Load:
                Add(output, load, Opcode.I32Load, Opcode.F32ReinterpretI32);
                break;
            case Opcode.F64Load:
                Add(output, load, Opcode.I64Load, Opcode.F64ReinterpretI64);
                break;
            case Opcode.I64Load:
                Add(output, load, Opcode.F64Load, Opcode.I64ReinterpretF64);
                break;
            case Opcode.I32Load8U:
                Narrow(output, load, random, Opcode.I32Load8S, Opcode.I64Load8U, ValueType.I32, 8, signed: false);
                break;
            case Opcode.I32Load16U:
                Narrow(output, load, random, Opcode.I32Load16S, Opcode.I64Load16U, ValueType.I32, 16, signed: false);
                break;
            case Opcode.I32Load8S:
                Narrow(output, load, random, Opcode.I32Load8U, Opcode.I64Load8S, ValueType.I32, 8, signed: true);
                break;
            case Opcode.I32Load16S:
                Narrow(output, load, random, Opcode.I32Load16U, Opcode.I64Load16S, ValueType.I32, 16, signed: true);
                break;
            case Opcode.I64Load8U:
                Narrow(output, load, random, Opcode.I64Load8S, Opcode.I32Load8U, ValueType.I64, 8, signed: false);
                break;
            case Opcode.I64Load16U:
                Narrow(output, load, random, Opcode.I64Load16S, Opcode.I32Load16U, ValueType.I64, 16, signed: false);
                break;
            case Opcode.I64Load32U:
                Narrow(output, load, random, Opcode.I64Load32S, Opcode.I32Load, ValueType.I64, 32, signed: false);
                break;
            case Opcode.I64Load8S:
                Narrow(output, load, random, Opcode.I64Load8U, Opcode.I32Load8S, ValueType.I64, 8, signed: true);
                break;
            case Opcode.I64Load16S:
                Narrow(output, load, random, Opcode.I64Load16U, Opcode.I32Load16S, ValueType.I64, 16, signed: true);
                break;
            case Opcode.I64Load32S:
                Narrow(output, load, random, Opcode.I64Load32U, Opcode.I32Load, ValueType.I64, 32, signed: true);
                break;
        }

        return new Edit(site.At, site.At + 1, output.ToArray());
    }

    private static void Add(List<Instruction> output, Instruction load, Opcode other, Opcode conversion)
    {
        output.Add(MemoryAccess.As(other, load));
        output.Add(Instruction.Of(conversion));
    }

    /// <param name="flipped">The load of the other signedness into the same type.</param>
    /// <param name="crossed">The load into the other type that keeps the signedness (or the exact bits, for 32).</param>
    private static void Narrow(List<Instruction> output, Instruction load, SeededRandom random, Opcode flipped, Opcode crossed, ValueType type, int bits, bool signed)
    {
        var wide = type == ValueType.I64;
        if (random.OneIn(2))
        {
            Add(output, load, crossed, wide ? signed ? Opcode.I64ExtendI32S : Opcode.I64ExtendI32U : Opcode.I32WrapI64);
            return;
        }

        output.Add(MemoryAccess.As(flipped, load));
        var count = Term.Constant(type, (ulong)((wide ? 64 : 32) - bits)).Instruction;
        if (!signed && random.OneIn(2))
        {
            output.Add(Term.Constant(type, (1UL << bits) - 1).Instruction);
            output.Add(Instruction.Of(wide ? Opcode.I64And : Opcode.I32And));
            return;
        }

        output.Add(count);
        output.Add(Instruction.Of(wide ? Opcode.I64Shl : Opcode.I32Shl));
        output.Add(count);
        output.Add(Instruction.Of(signed ? wide ? Opcode.I64ShrS : Opcode.I32ShrS : wide ? Opcode.I64ShrU : Opcode.I32ShrU));
    }
}
