using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Linking.Profiling;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Grains.Tests;

/// <summary>Plans of jobs on the samples.</summary>
internal static class SamplePlans
{
    public static JobPlan Of(byte[] module, JobOptions options, RecordedInputs? recorded = null)
    {
        var read = ModuleReader.Read(module);
        return new JobPlan(new JobRequest(module, options, null), read, new ModuleFacts(read), new FunctionNames(read), WorkloadFile.Default(false), recorded ?? RecordedInputs.None)
        {
            Engines = JobEngines.Only(new NamedEngine("v8", "1")),
            Functions = [.. Enumerable.Range(read.ImportedFunctionCount, read.Bodies.Count).Select(index => (uint)index)],
            LeftAlone = ImmutableSortedDictionary<uint, string>.Empty.Add(900, "not chosen by --functions"),
            Hot = HotFunctions.Of(StaticProfile.Estimate(read)),
            Notes = ["a note", "ünd noch eine"],
            RecordedOptions = options.Canonical(),
        };
    }

    public static byte[] Module(string name) => File.ReadAllBytes(Path.Combine(ArchitectureTests.RepositoryRoot(), "samples", name + ".wasm"));
}
