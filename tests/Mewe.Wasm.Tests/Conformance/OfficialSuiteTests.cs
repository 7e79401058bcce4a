using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Validation;

namespace Mewe.Wasm.Tests.Conformance;

/// <summary>The official suite's verdict on every module in scope: valid, invalid or malformed.</summary>
public sealed class OfficialSuiteTests(ITestOutputHelper output)
{
    private const string NotRun = "the official suite (some 6,700 modules)";

    private static readonly string[] Valid = ["module", "module_definition", "assert_unlinkable", "assert_uninstantiable", "assert_malformed_custom", "assert_invalid_custom"];

    [Fact]
    public void Every_valid_module_validates_and_is_written_back_byte_for_byte()
    {
        var modules = SpecSuite.InScope(NotRun).Where(module => Valid.Contains(module.Type)).ToList();
        var failures = new List<string>();
        foreach (var module in modules)
        {
            var bytes = module.Bytes;
            var read = ModuleReader.TryRead(bytes, out var error);
            error ??= ModuleValidator.Validate(read!, TestContext.Current.CancellationToken);
            if (error is not null)
            {
                failures.Add($"{module}: {error}");
            }
            else if (!ModuleWriter.Write(read!).AsSpan().SequenceEqual(bytes))
            {
                failures.Add($"{module}: written back differently");
            }
        }

        Report("valid modules accepted and written back identically", modules.Count, failures);
        Assert.True(modules.Count > 2_600);
    }

    // Where a bad module is what an unsupported proposal makes good (a component, a custom page size), the error says so instead.
    [Theory]
    [InlineData("assert_invalid", WasmErrorKind.Invalid, 2_800)]
    [InlineData("assert_malformed", WasmErrorKind.Malformed, 700)]
    public void Every_bad_module_is_rejected_with_its_kind_and_an_offset(string type, WasmErrorKind kind, int atLeast)
    {
        var modules = SpecSuite.InScope(NotRun).Where(module => module.Type == type).ToList();
        var failures = new List<string>();
        foreach (var module in modules)
        {
            var bytes = module.Bytes;
            var read = ModuleReader.TryRead(bytes, out var error);
            error ??= ModuleValidator.Validate(read!, TestContext.Current.CancellationToken);
            if (error is null)
            {
                failures.Add($"{module}: accepted");
            }
            else if ((error.Kind != kind && error.Kind != WasmErrorKind.Unsupported) || error.Offset < 0 || error.Offset > bytes.Length || (error.Offset == 0 && bytes.Length > 8 && kind == WasmErrorKind.Invalid))
            {
                failures.Add($"{module}: rejected, but as {error}");
            }
        }

        Report($"{type} modules rejected as {kind} with an offset", modules.Count, failures);
        Assert.True(modules.Count > atLeast);
    }

    [Fact]
    public void Modules_of_unsupported_proposals_give_an_error_or_better_but_never_another_exception()
    {
        var kinds = new Dictionary<string, int>();
        foreach (var module in SpecSuite.OutOfScope(NotRun))
        {
            var read = ModuleReader.TryRead(module.Bytes, out var error);
            error ??= ModuleValidator.Validate(read!, TestContext.Current.CancellationToken);
            var kind = $"{module.Script.Split('/')[1]} {module.Type}: {error?.Kind.ToString() ?? "accepted"}";
            kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
        }

        foreach (var (kind, count) in kinds.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            output.WriteLine($"{kind} {count}");
        }
    }

    private void Report(string what, int count, List<string> failures)
    {
        output.WriteLine($"{what}: {count - failures.Count} of {count}");
        Assert.True(failures.Count == 0, $"{failures.Count} of {count}:\n{string.Join('\n', failures.Take(60))}");
    }
}
