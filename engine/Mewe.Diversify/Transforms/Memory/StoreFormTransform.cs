using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Memory;

/// <summary>
/// Stores in other words. A store writes the low bits of its value: the others may be anything, the value may come from a register of the other width, and a float is stored
/// as its bits. The value is on top of the stack, so only what stands directly before the store changes; the same bytes are written at the same address by one store.
/// </summary>
public sealed class StoreFormTransform : ISiteTransform
{
    public string Name => "store-form";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view) => MemoryAccess.Sites(view, Opcode.I32Store, Opcode.I64Store32);

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var store = view[site.At];
        var output = context.Scratch();
        var random = context.Random;
        switch (store.Opcode)
        {
            case Opcode.F32Store:
                Add(output, store, Opcode.I32ReinterpretF32, Opcode.I32Store);
                break;
            case Opcode.F64Store:
                Add(output, store, Opcode.I64ReinterpretF64, Opcode.I64Store);
                break;
            case Opcode.I32Store:
                Add(output, store, random.OneIn(2) ? Opcode.I64ExtendI32U : Opcode.I64ExtendI32S, Opcode.I64Store32);
                break;
            case Opcode.I64Store:
                Add(output, store, Opcode.F64ReinterpretI64, Opcode.F64Store);
                break;
            case Opcode.I64Store32:
                if (random.OneIn(2))
                {
                    Add(output, store, Opcode.I32WrapI64, Opcode.I32Store);
                }
                else
                {
                    Disguise(output, store, ValueType.I64, 32, random);
                }

                break;
            case Opcode.I32Store8 or Opcode.I32Store16:
                var half = store.Opcode == Opcode.I32Store16;
                if (random.OneIn(2))
                {
                    Add(output, store, random.OneIn(2) ? Opcode.I64ExtendI32U : Opcode.I64ExtendI32S, half ? Opcode.I64Store16 : Opcode.I64Store8);
                }
                else
                {
                    Disguise(output, store, ValueType.I32, half ? 16 : 8, random);
                }

                break;
            default:
                var two = store.Opcode == Opcode.I64Store16;
                if (random.OneIn(2))
                {
                    Add(output, store, Opcode.I32WrapI64, two ? Opcode.I32Store16 : Opcode.I32Store8);
                }
                else
                {
                    Disguise(output, store, ValueType.I64, two ? 16 : 8, random);
                }

                break;
        }

        return new Edit(site.At, site.At + 1, output.ToArray());
    }

    private static void Add(List<Instruction> output, Instruction store, Opcode conversion, Opcode other)
    {
        output.Add(Instruction.Of(conversion));
        output.Add(MemoryAccess.As(other, store));
    }

    /// <summary>Changes bits of the value that are not stored.</summary>
    private static void Disguise(List<Instruction> output, Instruction store, ValueType type, int stored, SeededRandom random)
    {
        var wide = type == ValueType.I64;
        var high = random.NextBits() << stored;
        var (narrow, other, constant) = random.Below(4) switch
        {
            0 => (Opcode.I32Or, Opcode.I64Or, high),
            1 => (Opcode.I32Xor, Opcode.I64Xor, high),
            2 => (Opcode.I32Add, Opcode.I64Add, high),
            _ => (Opcode.I32And, Opcode.I64And, high | ((1UL << stored) - 1)),
        };
        output.Add(Term.Constant(type, constant).Instruction);
        output.Add(Instruction.Of(wide ? other : narrow));
        output.Add(store);
    }
}
