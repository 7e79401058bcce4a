using Mewe.Client.Output;
using Mewe.Grains;

namespace Mewe.Client.Verbs;

/// <summary>Finds what an evaluation is asked to look at.</summary>
internal static class EvaluationSubjects
{
    private const string Extension = ".wasm", Reactor = ".reactor", WorkloadExtension = ".workload.json";

    /// <summary>
    /// Of a folder, each module that has a workload beside it (<c>NAME.wasm</c> and <c>NAME.workload.json</c>), in the order of their names; where there are <c>NAME.wasm</c> and
    /// <c>NAME.reactor.wasm</c>, the reactor stands for both. A module that is named itself may be a command without a workload.
    /// </summary>
    /// <exception cref="CommandException">There is nothing to evaluate, or a file cannot be read.</exception>
    public static IReadOnlyList<EvaluationSubject> Find(IReadOnlyList<string> paths, CommandOutput output)
    {
        var subjects = new List<EvaluationSubject>();
        foreach (var path in paths)
        {
            if (Directory.Exists(path))
            {
                subjects.AddRange(InFolder(path, output));
            }
            else
            {
                subjects.Add(Subject(path, workload => File.Exists(workload)));
            }
        }

        return subjects;
    }

    private static IEnumerable<EvaluationSubject> InFolder(string folder, CommandOutput output)
    {
        var modules = Directory.EnumerateFiles(folder, "*" + Extension).Where(module => File.Exists(WorkloadOf(module))).Order(StringComparer.Ordinal).ToList();
        if (modules.Count == 0)
        {
            throw new CommandException(ExitCode.NoInput, $"{folder} has no module with a workload: NAME.wasm with NAME.workload.json beside it (samples/README.md)");
        }

        var chosen = modules.Where(module => !modules.Contains(WithoutExtension(module) + Reactor + Extension)).ToList();
        if (chosen.Count < modules.Count)
        {
            output.Note($"note: {modules.Count - chosen.Count} services are there as commands and as reactors; the reactors are evaluated, because a command's time is mostly that of making an instance");
        }

        return chosen.Select(module => Subject(module, _ => true));
    }

    private static EvaluationSubject Subject(string path, Func<string, bool> hasWorkload)
    {
        var file = Path.GetFileName(path);
        var name = file.EndsWith(Extension, StringComparison.Ordinal) ? file[..^Extension.Length] : file;
        name = name.EndsWith(Reactor, StringComparison.Ordinal) ? name[..^Reactor.Length] : name;
        var module = Modules.Read(path);
        var workload = WorkloadOf(path);
        if (hasWorkload(workload))
        {
            return new EvaluationSubject(name, file, module.Source, Workloads.Read(workload));
        }

        return module.Exports.Any(export => export is { Name: "_start", Kind: Wasm.ExternKind.Function })
            ? new EvaluationSubject(name, file, module.Source, WorkloadFile.Default(isCommand: true))
            : throw new CommandException(ExitCode.NoInput, $"{path} is no command and has no workload: write {workload} (samples/README.md)");
    }

    private static string WorkloadOf(string module) => WithoutExtension(module) + WorkloadExtension;

    private static string WithoutExtension(string module) => module.EndsWith(Extension, StringComparison.Ordinal) ? module[..^Extension.Length] : module;
}
