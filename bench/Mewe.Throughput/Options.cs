using System.Collections.Immutable;
using System.Globalization;

namespace Mewe.Throughput;

/// <param name="Tester">Measure the tester alone, with so many candidates of so many functions, on modules whose functions are repeated.</param>
/// <param name="Proofs">Measure the prover alone, on functions chosen in the same way.</param>
/// <param name="Engine">Which engine the tester uses: v8 or wasmtime.</param>
/// <param name="Child">Measure one module in this process and print the result as JSON.</param>
internal sealed record Options(ImmutableArray<string> Modules, int Variants, int Threads, string? JsonPath, bool Child, bool Tester, bool Proofs, int Candidates, int Functions, int Copies, string Engine)
{
    public static (Options? Options, string? Problem) Parse(string[] args)
    {
        var options = new Options([], 16, Environment.ProcessorCount, null, false, false, false, 64, 64, 1, "v8");
        for (var i = 0; i < args.Length; i++)
        {
            var value = i + 1 < args.Length ? args[i + 1] : null;
            switch (args[i])
            {
                case "--child":
                    options = options with { Child = true };
                    continue;
                case "--tester":
                    options = options with { Tester = true };
                    continue;
                case "--proofs":
                    options = options with { Proofs = true };
                    continue;
                case "--candidates" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var candidates) && candidates > 0:
                    options = options with { Candidates = candidates };
                    break;
                case "--functions" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var functions) && functions > 0:
                    options = options with { Functions = functions };
                    break;
                case "--copies" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var copies) && copies > 0:
                    options = options with { Copies = copies };
                    break;
                case "--engine" when value is "v8" or "wasmtime":
                    options = options with { Engine = value };
                    break;
                case "--json" when value is not null:
                    options = options with { JsonPath = value };
                    break;
                case "--variants" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var variants) && variants > 0:
                    options = options with { Variants = variants };
                    break;
                case "--threads" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var threads) && threads > 0:
                    options = options with { Threads = threads };
                    break;
                case var module when File.Exists(module):
                    options = options with { Modules = options.Modules.Add(module) };
                    continue;
                case var other:
                    return (null, $"\"{other}\" is neither an option with its value nor a file");
            }

            i++;
        }

        return options.Modules.IsEmpty ? (null, "name at least one module") : (options, null);
    }
}
