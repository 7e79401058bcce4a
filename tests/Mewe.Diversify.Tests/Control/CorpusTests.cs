using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Transforms.Locals;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Control;

/// <summary>Transforms of control and locals on real functions. What they compute there is tested with the product's own tester; here it is where they fire, and validity.</summary>
public sealed class CorpusTests
{
    [Fact]
    public void Every_transform_fires_on_real_functions_and_what_it_makes_validates()
    {
        var transforms = ControlTransforms.All.Concat(LocalsTransforms.All).ToList();
        var fired = transforms.ToDictionary(item => item.Transform.Name, _ => 0);
        // Compilers leave no ifs and no values in locals for nothing; other transforms bring them.
        WeightedTransform[] openers = [new(new BranchesToIf(), 1), new(new SpillToLocal(), 1), new(new SelectToIf(), 1)];
        foreach (var file in new[] { "paper/encrypt.reactor.wasm", "paper/qr_str.reactor.wasm", "more/as_program.wasm", "more/simd.command.wasm" })
        {
            var facts = new ModuleFacts(Corpus.Load(file));
            for (var k = 0; k < facts.Module.Bodies.Count; k++)
            {
                var input = FunctionInput.Of(facts, (uint)(facts.ImportedFunctionCount + k));
                var isSampled = k % 23 == 3 || input.Code.Instructions.Any(instruction => instruction.Opcode == Opcode.BrTable);
                if (!isSampled || input.Code.Instructions.Length > 800)
                {
                    continue;
                }

                foreach (var item in transforms)
                {
                    var stream = new Diversifier([item with { Weight = 3 }, .. openers]).Propose(input, TransformChecks.Options(1, (ulong)k, steps: 4));
                    fired[item.Transform.Name] += TransformChecks.Valid(stream).Count(candidate => candidate.Steps.Any(step => step.Name == item.Transform.Name));
                }
            }
        }

        Assert.All(fired, item => Assert.True(item.Value > 0, $"{item.Key} never fired"));
    }
}
