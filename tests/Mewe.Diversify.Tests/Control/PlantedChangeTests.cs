using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Views;
using Mewe.Wasm;
using Mewe.Wasm.Validation;

namespace Mewe.Diversify.Tests.Control;

/// <summary>The tests of transforms are only worth what their bodies, inputs and digests see: the slips that transforms make, at random places, have to be noticed.</summary>
public sealed class PlantedChangeTests(EngineFixture fixture)
{
    [Fact]
    public async Task Most_slips_at_places_that_run_are_noticed()
    {
        var (planted, seen) = (0, 0);
        for (var seed = 0; seed < 20; seed++)
        {
            var body = RandomBody.Make(seed);
            var input = new TestBench(body).Input;
            var view = FunctionView.Of(input);
            var random = new Random(seed);
            var places = Enumerable.Range(0, body.Instructions.Length - 1).Where(view.IsReachable).ToArray();
            random.Shuffle(places);
            List<CandidateVariant> slips = [];
            List<CandidateVariant> probes = [];
            foreach (var at in places)
            {
                if (slips.Count < 16 && Slip(view, at, random) is { } slip)
                {
                    var code = new FunctionCode(body.Locals, body.Instructions.SetItem(at, slip));
                    if (FunctionValidator.Validate(input.Module.Context, input.Type, code) is null)
                    {
                        slips.Add(new CandidateVariant(new VariantCode(code), [], 0, default));
                        probes.Add(new CandidateVariant(new VariantCode(new FunctionCode(body.Locals, body.Instructions.Insert(at, Code.Op(Opcode.Unreachable)))), [], 0, default));
                    }
                }
            }

            // A trap in the same place tells whether it runs at all.
            var running = (await fixture.Compare(body, probes, 32)).Count;
            planted += running;
            seen += Math.Min(running, (await fixture.Compare(body, slips, 32)).Count);
        }

        Assert.True(planted > 100, $"{planted} planted, {seen} seen");
        Assert.True(seen * 2 > planted, $"{seen} of {planted} seen");
    }

    private static Instruction? Slip(FunctionView view, int at, Random random)
    {
        var instruction = view[at];
        return instruction.Opcode switch
        {
            // Labels off by one, a lost write, the wrong local, a lost default; counters that count the other way and conditions turned round, which make loops endless.
            Opcode.Br or Opcode.BrIf => instruction.WithIndex(instruction.Index + 1),
            Opcode.I32Sub => Code.Op(Opcode.I32Add),
            Opcode.I32LtS => Code.Op(Opcode.I32GeS),
            Opcode.GlobalSet => Code.Drop,
            Opcode.LocalSet when instruction.Index < 3 => Code.Drop,
            Opcode.LocalGet or Opcode.LocalTee when instruction.Index < 3 => Other(view, instruction, random),
            Opcode.BrTable => instruction.WithIndex(instruction.Index == 0 ? 1 : 0u),
            _ => null,
        };
    }

    private static Instruction? Other(FunctionView view, Instruction access, Random random)
    {
        var other = (uint)random.Next(3);
        return other != access.Index && view.LocalType(other) == view.LocalType(access.Index) ? access.WithIndex(other) : null;
    }
}
