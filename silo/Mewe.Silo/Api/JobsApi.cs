using System.Globalization;
using Mewe.Silo.Access;
using Mewe.Store;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Metadata;

namespace Mewe.Silo.Api;

/// <summary>The HTTP API: <c>/v1</c>, health, and the OpenAPI document at <c>/openapi/v1.json</c>.</summary>
internal static class JobsApi
{
    private const string Wasm = "application/wasm", Json = "application/json";

    public static void AddApi(this IServiceCollection services)
    {
        services.AddSingleton<SubmitEndpoint>();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJsonContext.Default));
        services.AddProblemDetails(options => options.CustomizeProblemDetails = problem => problem.ProblemDetails.Extensions.Remove("exception"));
        services.AddOpenApi("v1", options => options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Mewe";
            document.Info.Description = "Jobs that make WebAssembly modules multivariant. Every request carries `Authorization: Bearer KEY`, but on a machine's own silo without keys. Errors are problem+json (RFC 9457).";
            return Task.CompletedTask;
        }));
    }

    public static void UseApi(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            StatusCodeSelector = exception => exception is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError,
        });
        app.UseStatusCodePages();
        app.MapOpenApi();
        app.MapGet("/healthz", () => Results.Text("ok\n")).WithSummary("Whether the process lives").ExcludeFromDescription();
        app.MapGet("/readyz", Ready).WithSummary("Whether the silo has a lease and takes requests").ExcludeFromDescription();

        var jobs = app.MapGroup("/v1/jobs").WithTags("jobs").ProducesProblem(401).ProducesProblem(403).ProducesProblem(503);
        jobs.MapPost("", (HttpContext context, SubmitEndpoint submit) => submit.HandleAsync(context, context.Caller())).Needs(ApiRoles.Submit)
            .WithName("submitJob").WithSummary("Submit a module").Accepts<IFormFile>("multipart/form-data").Produces<JobDocument>(201).ProducesProblem(400).ProducesProblem(409).ProducesProblem(413).ProducesProblem(415);
        jobs.MapGet("", ListAsync).Needs(ApiRoles.Read).WithName("listJobs").WithSummary("Jobs, the newest first").Produces<JobPage>().ProducesProblem(400);
        jobs.MapGet("/{id}", GetAsync).Needs(ApiRoles.Read).WithName("getJob").WithSummary("A job as it stands").Produces<JobDocument>().ProducesProblem(404);
        jobs.MapGet("/{id}/events", EventsAsync).Needs(ApiRoles.Read).WithName("watchJob").WithSummary("Live progress, as server-sent events").Produces(200, contentType: "text/event-stream").ProducesProblem(404);
        jobs.MapPost("/{id}/cancel", CancelAsync).Needs(ApiRoles.Submit).WithName("cancelJob").WithSummary("Cancel a job that is not finished").Produces<JobDocument>().ProducesProblem(404).ProducesProblem(409);
        jobs.MapPost("/{id}/retry", RetryAsync).Needs(ApiRoles.Submit).WithName("retryJob").WithSummary("Try a job again that failed, or of which functions failed").Produces<JobDocument>().ProducesProblem(404).ProducesProblem(409);
        jobs.MapGet("/{id}/module", (string id, HttpContext context, IJobStore store) => DownloadAsync(id, context, store, output => output.Module, Wasm)).Needs(ApiRoles.Read)
            .WithName("getModule").WithSummary("The multivariant module").Produces(200, contentType: Wasm).ProducesProblem(404).ProducesProblem(409);
        jobs.MapGet("/{id}/report", (string id, HttpContext context, IJobStore store) => DownloadAsync(id, context, store, output => output.Report, Json)).Needs(ApiRoles.Read)
            .WithName("getReport").WithSummary("The report").Produces(200, contentType: Json).ProducesProblem(404).ProducesProblem(409);
        jobs.MapGet("/{id}/plan", (string id, HttpContext context, IJobStore store) => DownloadAsync(id, context, store, output => output.LinkPlan, Json)).Needs(ApiRoles.Read)
            .WithName("getPlan").WithSummary("The plan, with which the same module can be made again").Produces(200, contentType: Json).ProducesProblem(404).ProducesProblem(409);
        jobs.MapGet("/{id}/functions", FunctionsAsync).Needs(ApiRoles.Read).WithName("listFunctions").WithSummary("Functions of a job, by index").Produces<FunctionPage>().ProducesProblem(400).ProducesProblem(404);
        jobs.MapGet("/{id}/variants", VariantsAsync).Needs(ApiRoles.Read).WithName("listVariants").WithSummary("Variants of a job, by function and ordinal").Produces<VariantPage>().ProducesProblem(400).ProducesProblem(404);
        app.MapGet("/v1/silos", SilosAsync).Needs(ApiRoles.Read).WithTags("silos").WithName("listSilos").WithSummary("The silos of the cluster").Produces<SiloList>();
    }

    /// <summary>Lets only callers in that have a role, and hands the caller on.</summary>
    private static RouteHandlerBuilder Needs(this RouteHandlerBuilder endpoint, ApiRoles role) => endpoint.AddEndpointFilter(async (invocation, next) =>
    {
        var context = invocation.HttpContext;
        var (caller, refusal) = await context.RequestServices.GetRequiredService<ApiAccess>().AuthenticateAsync(context, role);
        if (caller is null)
        {
            return refusal;
        }

        context.Items[typeof(Caller)] = caller;
        return await next(invocation);
    });

    private static Caller Caller(this HttpContext context) => (Caller)context.Items[typeof(Caller)]!;

    private static IResult Ready(SiloService silo) => silo.IsReady ? Results.Text("ready\n") : Problems.Of(StatusCodes.Status503ServiceUnavailable, "not-ready", "the silo has no lease, or is draining");

    private static async Task<IResult> ListAsync(HttpContext context, IJobStore store, int? limit, string? after, string? state, string? owner, string? module)
    {
        if (!TryLimit(limit, out var count, out var refusal) || !TryState<JobState>(state, out var wanted, out refusal))
        {
            return refusal!;
        }

        BlobHash? hash = null;
        if (module is not null)
        {
            if (!BlobHash.TryParse(module, out var parsed))
            {
                return Problems.Bad("module is a SHA-256 in hexadecimal");
            }

            hash = parsed;
        }

        if (after is not null && !JobId.IsOne(after))
        {
            return Problems.Bad("after is the id of a job");
        }

        var answer = await store.ListJobsAsync(new JobQuery(count, after) { State = wanted, Owner = owner, Module = hash }, context.RequestAborted);
        return answer.TryGet(out var jobs) ? Results.Ok(new JobPage([.. jobs.Select(JobDocument.Of)], jobs.Count == count ? jobs[^1].Id : null)) : Problems.StoreUnavailable(answer.Problem!);
    }

    private static Task<IResult> GetAsync(string id, HttpContext context, IJobStore store) => WithJobAsync(id, context, store, job => Task.FromResult(Results.Ok(JobDocument.Of(job))));

    private static Task<IResult> EventsAsync(string id, HttpContext context, IJobStore store, ProgressBroadcast broadcast, TimeProvider time) => WithJobAsync(id, context, store, async _ =>
    {
        await EventsEndpoint.WriteAsync(context, id, broadcast, time);
        return Results.Empty;
    });

    private static Task<IResult> CancelAsync(string id, HttpContext context, IJobStore store) => WithOwnJobAsync(id, context, store, async job =>
    {
        if (job.State.IsTerminal())
        {
            return Problems.Conflict("finished", $"the job is {JobDocument.Word(job.State)} already");
        }

        var answer = await store.CancelAsync(id, context.RequestAborted);
        return Answer(answer, after => after.State == JobState.Cancelled ? Results.Ok(JobDocument.Of(after)) : Problems.Conflict("finished", $"the job is {JobDocument.Word(after.State)} already"));
    });

    private static Task<IResult> RetryAsync(string id, HttpContext context, IJobStore store) => WithOwnJobAsync(id, context, store, async job =>
        job.State is JobState.Failed or JobState.Cancelled || (job.State == JobState.Completed && job.Progress.Failed > 0)
            ? Answer(await store.RetryAsync(id, context.RequestAborted), after => Results.Ok(JobDocument.Of(after)))
            : Problems.Conflict("nothing-to-retry", job.State == JobState.Completed ? "the job is completed, and none of its functions failed" : $"the job is {JobDocument.Word(job.State)}"));

    private static Task<IResult> DownloadAsync(string id, HttpContext context, IJobStore store, Func<JobOutput, BlobHash> which, string contentType) => WithJobAsync(id, context, store, job =>
    {
        if (job.Output is not { } output)
        {
            return Task.FromResult(job.State.IsTerminal()
                ? Problems.Conflict(JobDocument.Word(job.State), $"the job is {JobDocument.Word(job.State)} and made nothing{(job.Error is { } error ? $": {error.Message}" : "")}")
                : Problems.Conflict("not-ready", $"the job is {JobDocument.Word(job.State)}: there is nothing to download yet"));
        }

        var hash = which(output);
        context.Response.Headers.ETag = $"\"{hash}\"";
        if (context.Request.Headers.IfNoneMatch.Contains($"\"{hash}\""))
        {
            return Task.FromResult(Results.StatusCode(StatusCodes.Status304NotModified));
        }

        return Task.FromResult(Results.Stream(
            async body =>
            {
                var answer = await store.CopyBlobAsync(hash, body, context.RequestAborted);
                if (!answer.TryGet(out var length) || length is null)
                {
                    // Half an answer must not look like a whole one.
                    context.Abort();
                }
            },
            contentType));
    });

    private static Task<IResult> FunctionsAsync(string id, HttpContext context, IJobStore store, int? limit, int? after, string? state) => WithJobAsync(id, context, store, async _ =>
    {
        if (!TryLimit(limit, out var count, out var refusal) || !TryState<FunctionState>(state, out var wanted, out refusal))
        {
            return refusal!;
        }

        var answer = await store.ListFunctionsAsync(id, new FunctionQuery(count, after) { State = wanted }, context.RequestAborted);
        return answer.TryGet(out var functions)
            ? Results.Ok(new FunctionPage([.. functions.Select(FunctionDocument.Of)], functions.Count == count ? functions[^1].Index.ToString(CultureInfo.InvariantCulture) : null))
            : Problems.StoreUnavailable(answer.Problem!);
    });

    private static Task<IResult> VariantsAsync(string id, HttpContext context, IJobStore store, int? limit, string? after, int? function, string? evidence, bool? linked) => WithJobAsync(id, context, store, async _ =>
    {
        if (!TryLimit(limit, out var count, out var refusal) || !TryState<VariantEvidence>(evidence, out var wanted, out refusal))
        {
            return refusal!;
        }

        (int, int)? last = null;
        if (after is not null)
        {
            var parts = after.Split('.');
            if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index) || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal))
            {
                return Problems.Bad("after is what the page before gave as `next`");
            }

            last = (index, ordinal);
        }

        var answer = await store.ListVariantsAsync(id, new VariantQuery(count, last) { Function = function, Evidence = wanted, Linked = linked }, context.RequestAborted);
        return answer.TryGet(out var variants)
            ? Results.Ok(new VariantPage([.. variants.Select(VariantDocument.Of)], variants.Count == count ? string.Create(CultureInfo.InvariantCulture, $"{variants[^1].Function}.{variants[^1].Variant.Ordinal}") : null))
            : Problems.StoreUnavailable(answer.Problem!);
    });

    private static async Task<IResult> SilosAsync(HttpContext context, IJobStore store)
    {
        var answer = await store.ListSilosAsync(context.RequestAborted);
        return answer.TryGet(out var silos) ? Results.Ok(new SiloList([.. silos.Select(SiloDocument.Of)])) : Problems.StoreUnavailable(answer.Problem!);
    }

    private static async Task<IResult> WithJobAsync(string id, HttpContext context, IJobStore store, Func<JobRecord, Task<IResult>> work)
    {
        if (!JobId.IsOne(id))
        {
            return Problems.NoSuchJob;
        }

        var answer = await store.GetJobAsync(id, context.RequestAborted);
        return !answer.TryGet(out var job) ? Problems.StoreUnavailable(answer.Problem!) : job is null ? Problems.NoSuchJob : await work(job);
    }

    /// <summary>Jobs are changed by who submitted them, and by admins.</summary>
    private static Task<IResult> WithOwnJobAsync(string id, HttpContext context, IJobStore store, Func<JobRecord, Task<IResult>> work) => WithJobAsync(id, context, store, job =>
        context.Caller() is var caller && (caller.Roles.HasFlag(ApiRoles.Admin) || job.Submitted.Owner == caller.Id) ? work(job)
            : Task.FromResult(Problems.Of(StatusCodes.Status403Forbidden, "forbidden", "another key submitted this job")));

    private static IResult Answer(StoreAnswer<JobRecord?> answer, Func<JobRecord, IResult> then) =>
        !answer.TryGet(out var job) ? Problems.StoreUnavailable(answer.Problem!) : job is null ? Problems.NoSuchJob : then(job);

    private static bool TryLimit(int? limit, out int count, out IResult? refusal)
    {
        count = limit ?? JobLimits.Page;
        refusal = count is >= 1 and <= JobLimits.LargestPage ? null : Problems.Bad($"limit is 1 to {JobLimits.LargestPage}");
        return refusal is null;
    }

    private static bool TryState<T>(string? text, out T? state, out IResult? refusal)
        where T : struct, Enum
    {
        (state, refusal) = (null, null);
        if (text is null)
        {
            return true;
        }

        if (Enum.TryParse<T>(text, ignoreCase: true, out var parsed) && Enum.IsDefined(parsed) && !char.IsAsciiDigit(text[0]))
        {
            state = parsed;
            return true;
        }

        refusal = Problems.Bad($"there is no \"{(text.Length > 50 ? text[..50] : text)}\"; there are {string.Join(", ", Enum.GetNames<T>().Select(name => name.ToLowerInvariant()))}");
        return false;
    }
}
