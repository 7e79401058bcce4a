using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Conformance.Tests.Multivariant;

/// <summary>Finds the function whose variant makes a script's verdicts differ, by giving one function at a time its variants.</summary>
public static class Culprits
{
    private const int ScriptsShown = 6;
    private const int CulpritsPerScript = 3;
    private const int InstructionsShown = 150;

    /// <summary>A report for the first scripts that differ: the function, the transforms that made its variant, and both instruction lists.</summary>
    public static async Task<string> FindAsync(
        IWasmEngine engine, SpecSuite suite, MultivariantSuite multivariant, SuiteRun run, SuiteRun originals, LinkOptions options, CancellationToken cancellationToken)
    {
        var report = new StringBuilder();
        var differing = run.Scripts.Zip(originals.Scripts)
            .Where(pair => !new SuiteRun([pair.First]).DifferencesTo(new SuiteRun([pair.Second])).IsEmpty)
            .Select(pair => pair.Second)
            .ToList();
        foreach (var before in differing.Take(ScriptsShown))
        {
            var modules = before.Script.Commands.Select(MultivariantSuite.ValidModule).OfType<string>()
                .Select(name => multivariant.Of(suite.Read(before.File, name))).Distinct().ToList();
            var found = 0;
            foreach (var (module, function) in modules.SelectMany(module => module.Functions.Where(f => f.Variants.Length > 0).Select(f => (module, f))))
            {
                var form = multivariant.Linked(options, new ConcurrentDictionary<string, string>(), (m, f) => m == module && f == function);
                var alone = await SuiteRun.RunAsync(engine, suite, form, cancellationToken, [before.File]);
                var differences = alone.DifferencesTo(new SuiteRun([before]));
                if (differences.IsEmpty)
                {
                    continue;
                }

                Describe(report, module, function, options, differences);
                if (++found == CulpritsPerScript)
                {
                    break;
                }
            }

            if (found == 0)
            {
                report.AppendLine($"{before.File.Name}: no function differs alone");
            }
        }

        return report.ToString();
    }

    private static void Describe(StringBuilder report, DiversifiedModule module, FunctionVariants function, LinkOptions options, ImmutableArray<string> differences)
    {
        var original = module.Module.Bodies[(int)function.Function - module.Module.ImportedFunctionCount].Decode();
        report.AppendLine($"=== {module.Place}, function {function.Function} {module.Module.TypeOfFunction(function.Function)}, {options.Policy} {options.ForcedChoice}");
        report.AppendLine($"{differences.Length} differ: {differences[0]}");
        report.AppendLine($"original: {Text(original)}");
        var choice = (int)Math.Min(options.ForcedChoice, (uint)function.Variants.Length);
        var blamed = options.Policy == DispatchPolicy.Forced ? function.Variants.Skip(choice - 1).Take(choice == 0 ? 0 : 1) : function.Variants;
        foreach (var variant in blamed)
        {
            report.AppendLine($"variant ({string.Join(", ", variant.Transforms)}): {Text(variant.Code.Code)}");
            foreach (var outlined in variant.Code.Outlined)
            {
                report.AppendLine($"  outlined {outlined.Type}: {Text(outlined.Code)}");
            }
        }
    }

    private static string Text(FunctionCode code) =>
        $"({string.Join(' ', code.LocalTypes())}) {string.Join("; ", code.Instructions.Take(InstructionsShown))}{(code.Instructions.Length > InstructionsShown ? "; ..." : "")}";
}
