using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Linking.Preservation;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>Asks the engines which candidates become the same machine code. For one that does not show its code nothing is preferred, and <see cref="Problems"/> say why.</summary>
/// <param name="wanted">False where a plan has decided already.</param>
public sealed class MachineCodeReading(JobEngines engines, WasmModule module, bool wanted)
{
    private readonly Lazy<CompiledVariants> compiled = new(() => new CompiledVariants(module));
    private readonly ConcurrentDictionary<IWasmEngine, EngineFailure> problems = [];

    /// <summary>Why the machine code of an engine is not known, in the order of the engines; empty where all is known, or nobody asked.</summary>
    public IEnumerable<string> Problems => engines.All.Where(problems.ContainsKey)
        .Select(engine => $"variants are not chosen by their machine code on {engine.Info.Name}: {problems[engine].Message}");

    /// <exception cref="EngineFailedException">An engine shows its code, but failed on this.</exception>
    internal async Task<CandidateCode> ReadAsync(uint function, FunctionCode original, IEnumerable<VariantCode> candidates, CancellationToken cancellationToken)
    {
        ImmutableArray<VariantCode> versions = [new VariantCode(original), .. candidates];
        if (!wanted || versions.Length == 1)
        {
            return CandidateCode.Unknown;
        }

        var known = ImmutableArray.CreateBuilder<EngineCode>();
        foreach (var engine in engines.All)
        {
            if (problems.ContainsKey(engine))
            {
                continue;
            }

            var answer = await compiled.Value.GroupAsync(engine, function, versions, cancellationToken);
            if (answer.TryGet(out var groups, out var failure))
            {
                known.Add(new EngineCode(engine.Info.Name, groups.RemoveAt(0)));
            }
            else if (failure.Kind == EngineFailureKind.Unavailable)
            {
                problems.TryAdd(engine, failure);
            }
            else
            {
                // Whether an engine hangs or dies can depend on the machine, so it must not decide which variants there are.
                throw new EngineFailedException($"the machine code of function {function} could not be read on {engine.Info.Name}: {failure}");
            }
        }

        return new CandidateCode(known.ToImmutable());
    }
}
