using Mewe.Diversify.Tests.Running;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Control;

/// <summary>The tests of transforms are only worth what their bodies, inputs and digests see: small wrong changes at random places have to be noticed.</summary>
public sealed class PlantedChangeTests(EngineFixture fixture)
{
    [Fact]
    public async Task Half_of_all_small_changes_at_random_places_are_noticed()
    {
        var (planted, seen) = (0, 0);
        for (var seed = 0; seed < 20; seed++)
        {
            var body = RandomBody.Make(seed);
            List<CandidateVariant> candidates = [];
            var random = new Random(seed);
            var view = Views.FunctionView.Of(new TestBench(body).Input);
            for (var tries = 0; tries < 200 && candidates.Count < 15; tries++)
            {
                var at = random.Next(body.Instructions.Length);
                if (view.IsReachable(at) && Changed(body.Instructions[at]) is { } change)
                {
                    candidates.Add(new CandidateVariant(new VariantCode(new FunctionCode(body.Locals, body.Instructions.SetItem(at, change))), [], 0, default));
                }
            }

            planted += candidates.Count;
            seen += (await fixture.Compare(body, candidates, 16)).Count;
        }

        Assert.True(planted > 200, $"{planted} planted");
        Assert.True(seen * 2 > planted, $"{seen} of {planted} seen, {fixture.Trapped} of {fixture.Ran} originals trap");
    }

    private static Instruction? Changed(Instruction instruction) => instruction.Opcode switch
    {
        // The bench's own masks and strides often hide a change.
        Opcode.I32Const when instruction.I32 is not (1 or 7 or 31 or 4092) => Instruction.I32Const(instruction.I32 + 1),
        Opcode.I64Const => Instruction.I64Const(instruction.I64 ^ 4),
        Opcode.I32Add => Instruction.Of(Opcode.I32Sub),
        Opcode.I32LtS => Instruction.Of(Opcode.I32LtU),
        Opcode.I32Eqz => Instruction.Of(Opcode.I32Popcnt),
        Opcode.LocalSet when instruction.Index < 3 => Instruction.Of(Opcode.Drop),
        Opcode.BrIf => Instruction.Of(Opcode.Drop),
        _ => null,
    };
}
