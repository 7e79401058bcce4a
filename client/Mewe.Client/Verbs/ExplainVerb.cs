using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using Mewe.Client.Output;
using Mewe.Diversify;
using Mewe.Grains;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe explain FILE FUNCTION --variant N</c>: how a variant came about, and how one knows that it is the same function.</summary>
internal static class ExplainVerb
{
    public static Command Command()
    {
        var file = new Argument<string>("FILE") { Description = "A multivariant module (.wasm)" };
        var function = new Argument<string>("FUNCTION") { Description = "Its index or name" };
        var variant = new Option<int>("--variant") { Description = "Its number, from 1", Required = true, HelpName = "N" };
        var original = new Option<string?>("--original") { Description = "The module that was diversified: then the variant is proved again on the spot", HelpName = "ORIGINAL" };
        var common = new CommonOptions();
        var command = new Command("explain", """
            Say how a variant came about: the steps from the original, the rules that they rest on, each with its proof, and the evidence for the variant itself.

            Examples:
              mewe explain encrypt.mv.wasm sodium_bin2hex --variant 3
              mewe explain encrypt.mv.wasm sodium_bin2hex --variant 3 --original samples/encrypt.wasm
            """) { file, function, variant, original };
        common.AddTo(command);
        command.SetAction((parsed, token) => RunAsync(
            parsed.GetRequiredValue(file), parsed.GetRequiredValue(function), parsed.GetValue(variant), parsed.GetValue(original), common.Output(parsed), token));
        return command;
    }

    private static async Task<int> RunAsync(string path, string wanted, int variant, string? originalPath, CommandOutput output, CancellationToken cancellationToken)
    {
        var module = Modules.Read(path);
        var index = FunctionArgument.Find(path, module, wanted);
        var contents = MultivariantReader.TryRead(module, out var error) ?? throw new CommandException(ExitCode.DataError, $"{path}: {error!.Message}");
        var position = contents.Section.Map.Functions.ToList().FindIndex(candidate => candidate.Index == index);
        if (position < 0 || contents.Section.Map.Functions[position] is not { Variants.IsEmpty: false } function)
        {
            var reason = position < 0 ? null : contents.Section.Map.Functions[position].Reason;
            throw new CommandException(ExitCode.Usage, $"function {wanted} has no variants{(reason is null ? "" : $": {reason}")}");
        }

        if (variant < 1 || variant > function.Variants.Length)
        {
            throw new CommandException(ExitCode.Usage, $"function {wanted} has variants 1 to {function.Variants.Length}, not {variant}");
        }

        var name = new FunctionNames(module).Of(index);
        var explanation = VariantExplanation.Of(function, variant, name, Prover.DefaultSolver);
        if (originalPath is not null)
        {
            var original = OriginalOf(contents.Section, originalPath);
            var extracted = contents.Functions[position];
            explanation = await explanation.ProvedAgainAsync(
                Modules.Guard(originalPath, () => FunctionInput.Of(new ModuleFacts(original), extracted.Function)), extracted.Variants[variant - 1].Code, Prover.DefaultSolver, cancellationToken);
        }

        if (output.Json)
        {
            CommandOutput.WriteJson(explanation.ToJson());
        }
        else
        {
            Print(explanation);
        }

        return explanation.Evidence is { Kind: "proved", Again.Proved: false } ? ExitCode.Negative : ExitCode.Success;
    }

    private static WasmModule OriginalOf(MeweSection section, string path)
    {
        var original = Modules.Read(path);
        return Convert.ToHexStringLower(SHA256.HashData(original.Source.Span)) == section.SourceSha256
            ? original : throw new CommandException(ExitCode.DataError, $"{path} is not the module that was diversified: its SHA-256 is not {section.SourceSha256}");
    }

    private static void Print(VariantExplanation explanation)
    {
        CommandOutput.Line($"variant {explanation.Variant} of {explanation.Name} (function {explanation.Function}, its body is function {explanation.Index})");
        CommandOutput.Line("steps from the original:");
        var shown = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < explanation.Steps.Length; i++)
        {
            var step = explanation.Steps[i];
            CommandOutput.Line($"  {i + 1}. {step.Transform} at {step.Sites} {(step.Sites == 1 ? "place" : "places")}");
            foreach (var rule in step.Rules)
            {
                if (!shown.Add(rule.Rule))
                {
                    CommandOutput.Line($"       rule {rule.Rule}, as above");
                    continue;
                }

                CommandOutput.Line($"       rule {rule.Rule}");
                if (rule.Text is not null)
                {
                    CommandOutput.Line($"         {rule.Text}");
                }

                CommandOutput.Line($"         {rule.Proof}{(rule.Method is null ? "" : $" ({rule.Method})")}");
            }
        }

        var evidence = explanation.Evidence;
        CommandOutput.Line("evidence, which does not rest on the steps:");
        CommandOutput.Line(evidence.Kind == "proved"
            ? "  proved: equal to the original for all inputs and all memories, by translation validation of the two bodies"
            : $"  not proved{(evidence.NotProved is null ? "" : $": {evidence.NotProved}")}");
        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
            $"  tested: no difference on {evidence.Inputs} inputs ({evidence.Inconclusive} of them could not be compared), {100 * evidence.BranchCoverage:0.#} % of the original's branch outcomes reached"));
        CommandOutput.Line(evidence.Again switch
        {
            null => "  not checked again just now: give --original, or use mewe verify",
            { Proved: true } again => $"  proved again just now from the two files: {again.Nodes} pairs of places matched, {again.Questions} questions to the solver ({again.Solver})",
            var again => $"  NOT proved again just now: {again.Category}: {again.Reason} (solver: {again.Solver})",
        });
    }
}
