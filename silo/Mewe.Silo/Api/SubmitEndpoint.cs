using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mewe.Grains;
using Mewe.Silo.Access;
using Mewe.Store;
using Mewe.Wasm;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Mewe.Silo.Api;

/// <summary>
/// <c>POST /v1/jobs</c>: a form (<c>multipart/form-data</c>) with the parts <c>module</c> (required), <c>options</c> (JSON, see JobSpecification), <c>workload</c>, <c>plan</c>, <c>name</c>, <c>priority</c>,
/// <c>weight</c>, <c>notBefore</c> and <c>id</c> (a client's own, so that a submission whose answer was lost can be repeated).
/// </summary>
/// <remarks>
/// The module goes to a temporary file as it arrives, so that many uploads need no memory; it is checked before anything is stored, by <see cref="Checks"/> at a time, since that needs it whole.
/// </remarks>
internal sealed class SubmitEndpoint(SiloSettings settings, IJobStore store, TimeProvider time, ILogger<SubmitEndpoint> logger)
{
    private const int LongestName = 200, LargestField = 4096, LargestOptions = 1 << 20, LargestWorkload = 32 << 20, LargestPlan = 64 << 20, Checks = 2;

    private readonly SemaphoreSlim checks = new(Checks);

    /// <summary>Most bytes of a whole request.</summary>
    public static long LargestBody(SiloSettings settings) => settings.MaxUpload + LargestOptions + LargestWorkload + LargestPlan + (1 << 20);

    public async Task<IResult> HandleAsync(HttpContext context, Caller caller)
    {
        if (context.Request.ContentType is not { } type || !MediaTypeHeaderValue.TryParse(type, out var media) || !media.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
            || HeaderUtilities.RemoveQuotes(media.Boundary).Value is not { Length: > 0 and <= 200 } boundary)
        {
            return Problems.Of(StatusCodes.Status415UnsupportedMediaType, "unsupported-media-type", "a job is submitted as multipart/form-data with at least the part `module`");
        }

        await using var form = new Form(Path.Combine(Path.GetTempPath(), $"mewe-upload-{Guid.NewGuid():N}"));
        try
        {
            if (await ReadAsync(new MultipartReader(boundary, context.Request.Body), form, context.RequestAborted) is { } refusal)
            {
                return refusal;
            }
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException && exception is not BadHttpRequestException)
        {
            return Problems.Bad("the form is malformed or ends too early");
        }

        return form.Module is null ? Problems.Bad("the part `module` is missing") : await SubmitAsync(form, caller, context);
    }

    private async Task<IResult?> ReadAsync(MultipartReader reader, Form form, CancellationToken cancellationToken)
    {
        while (await reader.ReadNextSectionAsync(cancellationToken) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition) || HeaderUtilities.RemoveQuotes(disposition.Name).Value is not { } name)
            {
                return Problems.Bad("a part of the form has no name");
            }

            if (name == "module")
            {
                if (form.Module is not null)
                {
                    return Problems.Bad("the part `module` is there twice");
                }

                form.FileName = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value;
                form.Open();
                if (!await CopyAsync(section.Body, form.Module!, settings.MaxUpload, cancellationToken))
                {
                    return Problems.TooLarge($"the module has more than {settings.MaxUpload} bytes");
                }

                continue;
            }

            var most = name switch { "options" => LargestOptions, "workload" => LargestWorkload, "plan" => LargestPlan, "name" or "id" or "priority" or "weight" or "notBefore" => LargestField, _ => -1 };
            if (most < 0)
            {
                return Problems.Bad($"there is no part \"{Shortened(name)}\"");
            }

            using var content = new MemoryStream();
            if (!await CopyAsync(section.Body, content, most, cancellationToken))
            {
                return Problems.TooLarge($"the part `{name}` has more than {most} bytes");
            }

            form.Parts[name] = content.ToArray();
        }

        return null;
    }

    private async Task<IResult> SubmitAsync(Form form, Caller caller, HttpContext context)
    {
        var cancellationToken = context.RequestAborted;
        if (Describe(form, caller, out var refusal) is not { } described)
        {
            return refusal!;
        }

        var (module, bad) = await CheckAsync(form.Module!, cancellationToken);
        if (bad is not null)
        {
            return bad;
        }

        form.Module!.Position = 0;
        foreach (var content in new[] { form.Parts.GetValueOrDefault("workload"), form.Parts.GetValueOrDefault("plan") }.OfType<byte[]>())
        {
            if (!(await store.PutBlobAsync(content, cancellationToken)).TryGet(out _))
            {
                return Problems.Of(StatusCodes.Status503ServiceUnavailable, "store-unavailable", "the store does not answer; try again");
            }
        }

        var put = await store.PutBlobAsync(form.Module, cancellationToken);
        if (!put.TryGet(out _))
        {
            return Problems.StoreUnavailable(put.Problem!);
        }

        using var span = JobTrace.Begin(described.Id);
        var job = described with { Module = module, TraceParent = span?.Id ?? Activity.Current?.Id };
        var answer = await store.SubmitAsync(job, cancellationToken);
        if (!answer.TryGet(out var record))
        {
            return Problems.StoreUnavailable(answer.Problem!);
        }

        if (record is null)
        {
            return Problems.Of(StatusCodes.Status503ServiceUnavailable, "store-unavailable", "what was uploaded is not in the store any more; try again");
        }

        if (record.Submitted.Owner != job.Owner || record.Submitted.Module != job.Module || record.Submitted.Options != job.Options)
        {
            return Problems.Conflict("id-taken", "there is another job with this id");
        }

        logger.Submitted(job.Id, caller.Id ?? "nobody", form.Module.Length);
        return Results.Created($"/v1/jobs/{job.Id}", JobDocument.Of(record));
    }

    /// <summary>Everything about the job but its module.</summary>
    private NewJob? Describe(Form form, Caller caller, out IResult? refusal)
    {
        refusal = null;
        var id = form.Text("id") ?? JobId.New(time);
        if (!JobId.IsOne(id))
        {
            refusal = Problems.Bad("id is 32 lower-case hexadecimal digits, a UUID of version 7");
            return null;
        }

        var name = form.Text("name") ?? (form.FileName is { } file ? file.Split('/', '\\')[^1] : "");
        if (name.Length > LongestName)
        {
            refusal = Problems.Bad($"name has at most {LongestName} characters");
            return null;
        }

        int priority = 0, weight = 1;
        DateTimeOffset? notBefore = null;
        if (form.Text("priority") is { } priorityText && !(int.TryParse(priorityText, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out priority) && priority is >= -1000 and <= 1000))
        {
            refusal = Problems.Bad("priority is -1000 to 1000");
            return null;
        }

        if (form.Text("weight") is { } weightText && !(int.TryParse(weightText, NumberStyles.None, CultureInfo.InvariantCulture, out weight) && weight is >= 1 and <= NewJob.MaxWeight))
        {
            refusal = Problems.Bad($"weight is 1 to {NewJob.MaxWeight}");
            return null;
        }

        if (form.Text("notBefore") is { } timeText)
        {
            if (!DateTimeOffset.TryParse(timeText, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at))
            {
                refusal = Problems.Bad("notBefore is a time such as 2027-01-31T22:00:00Z");
                return null;
            }

            notBefore = at;
        }

        try
        {
            var specification = JobSpecification.Parse(form.Parts.GetValueOrDefault("options") ?? "{}"u8.ToArray()) with { Local = null };
            var workload = form.Parts.GetValueOrDefault("workload");
            var plan = form.Parts.GetValueOrDefault("plan");
            if (workload is not null)
            {
                WorkloadFile.Parse(workload);
            }

            if (plan is not null)
            {
                LinkPlan.Parse(plan);
            }

            return new NewJob(id, name, default, specification.ToJson())
            {
                Workload = workload is null ? null : BlobHash.Of(workload), LinkPlan = plan is null ? null : BlobHash.Of(plan), Owner = caller.Id, Priority = priority, Weight = weight, NotBefore = notBefore,
            };
        }
        catch (MessageFormatException exception)
        {
            refusal = Problems.Of(StatusCodes.Status400BadRequest, "bad-options", $"options: {exception.Message}");
        }
        catch (WorkloadFormatException exception)
        {
            refusal = Problems.Of(StatusCodes.Status400BadRequest, "bad-workload", $"workload: {exception.Message}");
        }
        catch (PlanFormatException exception)
        {
            refusal = Problems.Of(StatusCodes.Status400BadRequest, "bad-plan", $"plan: {exception.Message}");
        }

        return null;
    }

    /// <summary>Reads and validates the module, so that a bad one is never stored.</summary>
    private async Task<(BlobHash Module, IResult? Refusal)> CheckAsync(FileStream module, CancellationToken cancellationToken)
    {
        await checks.WaitAsync(cancellationToken);
        try
        {
            module.Position = 0;
            var bytes = new byte[module.Length];
            await module.ReadExactlyAsync(bytes, cancellationToken);
            var error = await Task.Run(() => ModuleCheck.Error(bytes, cancellationToken), cancellationToken);
            return error is null ? (BlobHash.Of(bytes), null) : (default, Problems.BadModule(error.Value.Message, error.Value.Offset));
        }
        finally
        {
            checks.Release();
        }
    }

    /// <returns>False where there is more than may be; the rest is not read.</returns>
    private static async Task<bool> CopyAsync(Stream from, Stream to, long most, CancellationToken cancellationToken)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(81920);
        try
        {
            for (long total = 0; ;)
            {
                var read = await from.ReadAsync(buffer, cancellationToken);
                if (read == 0)
                {
                    return true;
                }

                total += read;
                if (total > most)
                {
                    return false;
                }

                await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Shortened(string text) => text.Length <= 50 ? text : $"{text[..50]}...";

    /// <summary>What has arrived. The module's file ends with it.</summary>
    private sealed class Form(string path) : IAsyncDisposable
    {
        public Dictionary<string, byte[]> Parts { get; } = new(StringComparer.Ordinal);

        public FileStream? Module { get; private set; }

        public string? FileName { get; set; }

        public void Open()
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            Module = new FileStream(path, options);
        }

        public string? Text(string part) => Parts.TryGetValue(part, out var bytes) ? Encoding.UTF8.GetString(bytes) : null;

        public ValueTask DisposeAsync() => Module?.DisposeAsync() ?? default;
    }
}
