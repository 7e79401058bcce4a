using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>
/// A linear congruential generator modulo 2^64 in one global, read before it is stepped: the value that a choice needs is there at once, and the multiplication that makes
/// the next one runs beside the chosen function. So a choice costs hardly more than the jump that it decides.
/// </summary>
/// <remarks>
/// The multiplier is from G. Steele and S. Vigna, Computationally easy, spectrally good multipliers for congruential pseudorandom number generators (2022), table for 64 bits. Only
/// the upper 32 bits are used; the lower ones of such a generator have short periods. It is <b>not</b> cryptographic: a handful of observed choices give the state away
/// (a lattice reduction), and all choices after and before. It answers an attacker who does not see the choices of the instance he attacks; for one who does there is <see cref="ChaChaBits"/>.
/// </remarks>
internal sealed class FastBits(AppendedCode appended, BuildConstants constants, uint? randomGet, BlindWord? blind, Func<uint> mix) : RandomBits
{
    public const ulong Multiplier = 0xD134_2543_DE82_EF95, Increment = SplitMix64.Gamma;

    private uint state;
    private uint? seed;

    public override IEnumerable<(uint Index, string Name)> Globals => [(state, "mewe.state")];

    public override void Append(Action<CodeBuilder> forget)
    {
        state = appended.Global64(randomGet is null ? constants.State : 0);
        if (randomGet is { } import)
        {
            seed = appended.Function(GeneratedRole.SeedFromWasi, AppendedCode.Bare, WasiSeeding.Body(import, [(state, constants.State), .. WasiSeeding.Of(blind)], neverZero: true));
        }
        else
        {
            // Callers may seed with small numbers; two streams whose states are near each other are alike for long.
            var code = new CodeBuilder(1);
            code.Get(0).Call(mix()).SetGlobal(state);
            if (blind is not null)
            {
                // The exclusive or of two bijections of the seed, because one alone could be undone by whoever sees the word in an operand.
                code.Get(0).I64(blind.Constant).Op(Opcode.I64Add).Call(mix()).GetGlobal(state).Op(Opcode.I64Xor).SetGlobal(blind.Global);
            }

            forget(code);
            var type = FunctionType.Of([ValueType.I64], []);
            appended.Export(RandomnessPlan.SeedExport, ExternKind.Function, appended.Function(GeneratedRole.SeedExport, type, code.Body()));
        }
    }

    public override void EmitDraw(CodeBuilder code, uint scratch)
    {
        if (seed is { } lazily)
        {
            // The state comes to zero by itself once in 2^64 steps; seeding it again then does no harm.
            code.GetGlobal(state).Op(Opcode.I64Eqz).Open(Opcode.If).Call(lazily).End();
        }

        code.GetGlobal(state).Tee(scratch).I64(Multiplier).Op(Opcode.I64Mul).I64(Increment).Op(Opcode.I64Add).SetGlobal(state).Get(scratch);
    }

    public override void EmitHold(CodeBuilder code)
    {
        if (seed is not null)
        {
            code.I64(constants.State).SetGlobal(state);
        }
    }

    public override void EmitRelease(CodeBuilder code)
    {
        if (seed is not null)
        {
            code.I64(0).SetGlobal(state);
        }
    }
}
